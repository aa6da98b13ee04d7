//! Looks through an account's own posts for one that was sent, on platforms that have no key by which it could be asked for.
//!
//! A post is ours if the platform's provider says so, and it is not older than the key, and no other target has it. Whatever leaves
//! a doubt is an error or `Found::Other`: only a list that was read far enough back proves that nothing is there.

use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use crier_core::error_class::ErrorClass;

use super::key::made_at;
use super::window::Window;
use super::{Failure, Found, Published, Sought};

/// How many pages are read at most, unless a platform's are small.
const MAX_PAGES: usize = 5;
/// How long a look may take, all its calls together.
const LOOK: Duration = Duration::from_secs(2 * 60);

/// How a post in the list compares with what was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Likeness {
    /// It is what was sent.
    Same(Published),
    /// It could be what was sent, changed since, or shown in a way that can't be told: its id.
    Alike(String),
    /// It is something else.
    Different,
}

/// A post in the list.
#[derive(Debug)]
pub(super) struct Listed {
    /// When it was made; none where that can't be read, which is no reason to pass it over.
    pub(super) at: Option<SystemTime>,
    /// How it compares.
    pub(super) likeness: Likeness,
}

/// A page of the list, newest first.
#[derive(Debug)]
pub(super) struct Page<C> {
    pub(super) listed: Vec<Listed>,
    /// What time it was at the server, see `window::answered_at`.
    pub(super) answered_at: Option<SystemTime>,
    /// Where the next page begins; none: there is no other.
    pub(super) next: Option<C>,
}

/// An account's own posts.
#[async_trait]
pub(super) trait OwnPosts: Sync {
    /// What names a page.
    type Cursor: Send;

    /// Whether the list is surely newest first. One that isn't is read to its end, unless all that was read of it came newest first:
    /// then a page that is older as a whole ends the look.
    fn is_in_order(&self) -> bool {
        true
    }

    /// How many pages are read at most.
    fn max_pages(&self) -> usize {
        MAX_PAGES
    }

    /// The newest posts, or those of a later page. A list of which one post can't be read tells nothing: that one could be ours.
    async fn page(&self, next: Option<Self::Cursor>) -> Result<Page<Self::Cursor>, Failure>;
}

/// Looks for what was written down under a key of `key::new_key`.
pub(super) async fn search(posts: &impl OwnPosts, sought: Sought<'_>) -> Result<Found, Failure> {
    let late = |_| Failure::new(ErrorClass::Transient, "the look at the account's posts took too long");
    tokio::time::timeout(LOOK, walk(posts, sought)).await.map_err(late)?
}

async fn walk(posts: &impl OwnPosts, sought: Sought<'_>) -> Result<Found, Failure> {
    let window = Window::new(made_at(sought.frozen)?, sought.drafted);
    let (mut begin, mut next) = (None, None);
    let (mut seen, mut order) = (Seen::default(), Order::default());
    for _ in 0..posts.max_pages() {
        let page = posts.page(next).await?;
        let begin = *begin.get_or_insert_with(|| window.begin(page.answered_at));
        let is_older = |listed: &Listed| listed.at.is_some_and(|at| at < begin);
        order.goes_on(&page.listed);
        let ends = if posts.is_in_order() {
            page.listed.last().is_some_and(is_older)
        } else {
            order.is_newest_first() && !page.listed.is_empty() && page.listed.iter().all(is_older)
        };
        for listed in page.listed.into_iter().filter(|listed| !is_older(listed)) {
            match listed.likeness {
                Likeness::Same(published) => seen.same.push((listed.at, published)),
                Likeness::Alike(id) => seen.alike.push(id),
                Likeness::Different => {}
            }
        }
        next = page.next.filter(|_| !ends);
        if next.is_none() {
            return seen.found(sought).await;
        }
    }
    match seen.found(sought).await? {
        Found::Same(published) => Ok(Found::Same(published)),
        _ => {
            let message = "the account has more posts since then than are looked through";
            Err(Failure::new(ErrorClass::Transient, message))
        }
    }
}

/// In what order a list has come so far.
#[derive(Default)]
struct Order {
    last: Option<SystemTime>,
    falls: bool,
    rises: bool,
}

impl Order {
    fn goes_on(&mut self, listed: &[Listed]) {
        for at in listed.iter().filter_map(|one| one.at) {
            self.falls |= self.last.is_some_and(|last| at < last);
            self.rises |= self.last.is_some_and(|last| at > last);
            self.last = Some(at);
        }
    }

    /// Posts of one time tell nothing.
    fn is_newest_first(&self) -> bool {
        self.falls && !self.rises
    }
}

/// What was seen that is, or could be, what was sent, in the order of the list.
#[derive(Default)]
struct Seen {
    same: Vec<(Option<SystemTime>, Published)>,
    alike: Vec<String>,
}

impl Seen {
    /// What of it is not another's.
    async fn found(&self, sought: Sought<'_>) -> Result<Found, Failure> {
        let same = self.same.iter().map(|(_, post)| &post.external_id);
        let taken = sought.others.taken(same.chain(&self.alike).cloned().collect()).await?;
        // Of several equal posts, the earliest answers the earliest try.
        // Of those of one time it is the last, where the newest come first.
        let ours = self.same.iter().rev().filter(|(_, post)| !taken.contains(&post.external_id));
        let earliest = ours.min_by_key(|(at, _)| (at.is_none(), *at));
        Ok(match earliest {
            Some((_, earliest)) => Found::Same(earliest.clone()),
            None if self.alike.iter().any(|id| !taken.contains(id)) => Found::Other,
            None => Found::Absent,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::key::new_key;
    use crate::providers::{Frozen, Theirs};

    /// Pages, each a list of posts: seconds since the key was made, and how they compare.
    struct Pages(Vec<Vec<(i64, Likeness)>>, SystemTime, bool);

    #[async_trait]
    impl OwnPosts for Pages {
        type Cursor = usize;

        fn is_in_order(&self) -> bool {
            self.2
        }

        async fn page(&self, next: Option<usize>) -> Result<Page<usize>, Failure> {
            let at = next.unwrap_or(0);
            let time = |seconds: i64| match seconds {
                past @ ..0 => self.1 - Duration::from_secs(past.unsigned_abs()),
                to_come => self.1 + Duration::from_secs(to_come.unsigned_abs()),
            };
            let listed = self.0[at]
                .iter()
                .map(|(seconds, likeness)| Listed { at: Some(time(*seconds)), likeness: likeness.clone() });
            let next = (at + 1 < self.0.len()).then_some(at + 1);
            Ok(Page { listed: listed.collect(), answered_at: None, next })
        }
    }

    fn same(id: &str) -> Likeness {
        Likeness::Same(Published { external_id: id.into(), url: String::new(), cid: None })
    }

    async fn look(pages: Vec<Vec<(i64, Likeness)>>) -> Result<String, ErrorClass> {
        look_in(pages, true).await
    }

    async fn look_in(pages: Vec<Vec<(i64, Likeness)>>, is_in_order: bool) -> Result<String, ErrorClass> {
        let now = SystemTime::now();
        let frozen = Frozen { key: new_key(now).unwrap(), request: String::new() };
        let sought = Sought { frozen: &frozen, drafted: None, others: &Theirs(&["theirs"]) };
        let found = search(&Pages(pages, now, is_in_order), sought).await.map_err(|failure| failure.class)?;
        Ok(match found {
            Found::Same(post) => post.external_id,
            other => format!("{other:?}"),
        })
    }

    #[tokio::test]
    async fn the_earliest_that_is_nobody_elses_is_ours() {
        let alike = |id: &str| Likeness::Alike(id.into());
        for (pages, expected) in [
            (vec![vec![]], "Absent"),
            (vec![vec![(9, Likeness::Different), (5, same("1"))]], "1"),
            (vec![vec![(9, same("2")), (5, same("1"))]], "1"),
            (vec![vec![(9, same("2"))], vec![(5, same("1")), (-500, same("0"))]], "1"),
            (vec![vec![(9, same("theirs"))]], "Absent"),
            (vec![vec![(9, alike("theirs"))]], "Absent"),
            (vec![vec![(9, alike("1"))]], "Other"),
            // what is older is another post of the same text
            (vec![vec![(-500, same("0"))]], "Absent"),
        ] {
            assert_eq!(look(pages.clone()).await.as_deref(), Ok(expected), "{pages:?}");
        }
    }

    #[tokio::test]
    async fn a_list_without_an_end_proves_nothing() {
        let page = vec![(9, Likeness::Different)];
        assert_eq!(look(vec![page.clone(); 5]).await.as_deref(), Ok("Absent"));
        assert_eq!(look(vec![page; 6]).await, Err(ErrorClass::Transient));
    }

    #[tokio::test]
    async fn nothing_is_read_behind_what_is_older() {
        let mut pages = vec![vec![(9, Likeness::Different), (-500, Likeness::Different)]];
        pages.extend(vec![vec![(9, Likeness::Different)]; 9]);
        assert_eq!(look(pages).await.as_deref(), Ok("Absent"));
    }

    #[tokio::test]
    async fn a_list_without_order_ends_at_a_page_that_is_older_only_if_it_fell_so_far() {
        let at = |seconds: i64| (seconds, Likeness::Different);
        let pages =
            |first: &[i64]| vec![first.iter().map(|seconds| at(*seconds)).collect(), vec![(5, same("1"))]];
        for (first, in_order, expected) in [
            // it is not older as a whole
            (&[9, -500][..], false, "1"),
            (&[9, -500], true, "Absent"),
            // what is new may be on the last page, or anywhere
            (&[-800, -500], false, "1"),
            (&[-500, -800, -500], false, "1"),
            // these tell nothing of the order
            (&[-500], false, "1"),
            (&[-500, -500], false, "1"),
            (&[-500, -800], false, "Absent"),
        ] {
            assert_eq!(
                look_in(pages(first), in_order).await.as_deref(),
                Ok(expected),
                "{first:?} {in_order}"
            );
        }
        // a page after one that was newer has come in order, too
        let falling = vec![vec![at(9)], vec![at(-500)], vec![(5, same("1"))]];
        assert_eq!(look_in(falling, false).await.as_deref(), Ok("Absent"));
        let rising = vec![vec![at(-900), at(-800)]; 9];
        assert_eq!(look_in(rising, false).await, Err(ErrorClass::Transient));
    }

    #[tokio::test]
    async fn of_several_that_are_the_same_the_earliest_is_ours_in_any_order() {
        for page in [vec![(9, same("2")), (5, same("1"))], vec![(5, same("1")), (9, same("2"))]] {
            assert_eq!(look_in(vec![page], false).await.as_deref(), Ok("1"));
        }
        assert_eq!(look(vec![vec![(5, same("2")), (5, same("1"))]]).await.as_deref(), Ok("1"));
    }
}
