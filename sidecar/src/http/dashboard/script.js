// What the dashboard's pages do besides what a browser does by itself. Each of them works without it.
'use strict';

const SOON = 700;
const AGAIN = 2000;
const UNANSWERED = 10000;
const EVERY = 60000;

// A page that another site's link led to was asked for without the cookie; from here it is sent.
async function askAgain(link) {
    const answer = await fetch(location.href, { credentials: 'same-origin' });
    if (answer.ok) location.replace(location.href);
    else link.hidden = false;
}

// What people are at is not taken from under their hands.
function isBusy(live) {
    const active = document.activeElement;
    if (live.contains(active) && active.matches('input, textarea, select, button:focus-visible, [tabindex]:focus-visible')) return true;
    // a button that comes to stand under a mouse would be another's
    if (live.querySelector('[data-keep], details[open], .dragged, button:hover')) return true;
    return [...live.querySelectorAll('input:not([type=hidden]), textarea')].some((field) => field.value !== field.defaultValue);
}

// Gives whether there was an answer; null: it was not asked for.
async function renew() {
    const live = document.getElementById('live');
    if (!live || document.hidden || isBusy(live)) return null;
    const answer = await fetch(location.href, { credentials: 'same-origin' });
    if (answer.status === 401 || answer.status === 404) {
        location.reload();
        return null;
    }
    if (!answer.ok) return false;
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
    const fresh = page.getElementById('live');
    if (!fresh || isBusy(live)) return true;
    const asOf = page.getElementById('as-of');
    if (asOf) document.getElementById('as-of')?.replaceWith(document.adoptNode(asOf));
    if (fresh.isEqualNode(live)) return true;
    const focused = live.contains(document.activeElement) ? document.activeElement.getAttribute('href') : null;
    const moved = [...live.querySelectorAll('.wide')].map((wide) => wide.scrollLeft);
    live.replaceWith(document.adoptNode(fresh));
    fresh.querySelectorAll('.wide').forEach((wide, at) => { wide.scrollLeft = moved[at] ?? 0; });
    const link = [...fresh.querySelectorAll('a')].find((link) => focused !== null && link.getAttribute('href') === focused);
    link?.focus();
    return true;
}

// Looks by itself, one look after the other, as long as the person wants; what it looked at last stays, and is said to be old.
function look(live) {
    const wanted = document.getElementById('renew');
    const stale = document.getElementById('stale');
    document.getElementById('renewing').hidden = false;
    const again = () => setTimeout(async () => {
        if (wanted.checked) {
            const answered = await renew().catch(() => false);
            const says = answered ? '' : live.dataset.stale;
            if (answered !== null && stale.textContent !== says) stale.textContent = says;
        }
        again();
    }, Number(live.dataset.every));
    again();
}

function listen(live) {
    let waits = null;
    const later = (wait = SOON) => {
        clearTimeout(waits);
        waits = setTimeout(async () => {
            const answered = await renew().catch(() => false);
            if (answered || document.hidden) return;
            // once they are done whose hands are on it, or there is an answer
            later(answered === null ? AGAIN : UNANSWERED);
        }, wait);
    };
    // it connects again by itself, unless it is refused
    const stream = new EventSource(live.dataset.live);
    stream.addEventListener('changed', () => later());
    // from then on everything is told, but nobody told what happened between the page and that look
    stream.addEventListener('looked', () => later());
    setInterval(() => later(), EVERY);
    document.addEventListener('visibilitychange', () => later());
}

function drag() {
    const entryOf = (event) => event.target.closest?.('.entry[draggable="true"]');
    const dayOf = (event) => event.target.closest?.('[data-day]');
    document.addEventListener('dragstart', (event) => {
        const entry = entryOf(event);
        if (!entry) return;
        entry.classList.add('dragged');
        event.dataTransfer.effectAllowed = 'move';
        event.dataTransfer.setData('text/plain', entry.dataset.post);
    });
    document.addEventListener('dragend', () => {
        for (const one of document.querySelectorAll('.dragged, .over')) one.classList.remove('dragged', 'over');
    });
    document.addEventListener('dragover', (event) => {
        const day = dayOf(event);
        if (!day || !document.querySelector('.dragged')) return;
        event.preventDefault();
        for (const one of document.querySelectorAll('.over')) one.classList.remove('over');
        day.classList.add('over');
    });
    document.addEventListener('drop', (event) => {
        const day = dayOf(event);
        const entry = document.querySelector('.dragged');
        const button = document.getElementById('move');
        if (!day || !entry || !button) return;
        event.preventDefault();
        const form = button.form;
        form.elements.post.value = entry.dataset.post;
        form.elements.at.value = `${day.dataset.day}T${entry.dataset.clock}`;
        form.submit();
    });
}

function start() {
    document.addEventListener('submit', (event) => {
        const question = event.submitter?.dataset.ask;
        if (question && !confirm(question)) event.preventDefault();
    });
    const again = document.querySelector('[data-again]');
    if (again) askAgain(again).catch(() => {});
    const go = document.querySelector('[data-go]');
    if (go) location.replace(go.href);
    const zone = document.querySelector('[data-unset]');
    if (zone) zone.value = Intl.DateTimeFormat().resolvedOptions().timeZone || zone.value;
    const live = document.getElementById('live');
    if (live?.dataset.live) listen(live);
    if (live?.dataset.every) look(live);
    drag();
}

start();
