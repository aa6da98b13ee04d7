// What the dashboard's pages do besides what a browser does by itself. Each of them works without it.
'use strict';

const SOON = 700;
const EVERY = 60000;
// longer than until the first look at what happens that is for this page
const FIRST = 3000;

// A page that another site's link led to was asked for without the cookie; from here it is sent.
async function askAgain(link) {
    const answer = await fetch(location.href, { credentials: 'same-origin' });
    if (answer.ok) location.replace(location.href);
    else link.hidden = false;
}

// What people are at is not taken from under their hands.
function isBusy(live) {
    const active = document.activeElement;
    if (live.contains(active) && active.matches('input, textarea, select, button:focus-visible')) return true;
    if (live.querySelector('[data-keep], details[open], .dragged')) return true;
    return [...live.querySelectorAll('input:not([type=hidden]), textarea')].some((field) => field.value !== field.defaultValue);
}

async function renew() {
    const live = document.getElementById('live');
    if (!live || document.hidden || isBusy(live)) return;
    const answer = await fetch(location.href, { credentials: 'same-origin' });
    if (answer.status === 401 || answer.status === 404) return location.reload();
    if (!answer.ok || isBusy(live)) return;
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
    const fresh = page.getElementById('live');
    if (!fresh || fresh.isEqualNode(live)) return;
    const focused = live.contains(document.activeElement) ? document.activeElement.getAttribute('href') : null;
    live.replaceWith(document.adoptNode(fresh));
    for (const link of fresh.querySelectorAll('a')) {
        if (focused !== null && link.getAttribute('href') === focused) return link.focus();
    }
}

function listen(live) {
    let waits = null;
    const later = () => {
        clearTimeout(waits);
        waits = setTimeout(() => renew().catch(() => {}), SOON);
    };
    // it connects again by itself, unless it is refused
    const stream = new EventSource(live.dataset.live);
    stream.addEventListener('changed', later);
    // nobody tells what happened between the page and that look
    stream.addEventListener('open', () => setTimeout(later, FIRST));
    setInterval(later, EVERY);
    document.addEventListener('visibilitychange', later);
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
    if (live?.dataset.every) setInterval(() => renew().catch(() => {}), Number(live.dataset.every));
    drag();
}

start();
