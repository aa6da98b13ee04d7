//! Pairing heaps whose links are in the elements themselves: an element is in one heap at a time, is added in constant
//! time, and can be removed from the middle. Nothing here recurses.

/// No element.
pub(crate) const NIL: u32 = u32::MAX;

/// The place of an element in its heap.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Links {
    pub(crate) child: u32,
    pub(crate) next: u32,
    /// The element before it among its siblings; of the first, the parent.
    pub(crate) prev: u32,
}

pub(crate) const UNLINKED: Links = Links { child: NIL, next: NIL, prev: NIL };

/// Elements that can be in a heap, and their order.
pub(crate) trait Heap {
    fn links(&mut self, element: u32) -> &mut Links;
    /// Whether `a` comes out before `b`.
    fn before(&self, a: u32, b: u32) -> bool;

    /// The root after adding an element that is in no heap.
    fn insert(&mut self, root: u32, element: u32) -> u32 {
        *self.links(element) = UNLINKED;
        self.merge(root, element)
    }

    /// The root after taking an element out.
    fn remove(&mut self, root: u32, element: u32) -> u32 {
        let Links { child, next, prev } = *self.links(element);
        *self.links(element) = UNLINKED;
        let below = self.combine(child);
        if element == root {
            return below;
        }
        if self.links(prev).child == element {
            self.links(prev).child = next;
        } else {
            self.links(prev).next = next;
        }
        if next != NIL {
            self.links(next).prev = prev;
        }
        self.merge(root, below)
    }

    /// One heap of two whose roots have no siblings.
    fn merge(&mut self, a: u32, b: u32) -> u32 {
        if a == NIL {
            return b;
        }
        if b == NIL {
            return a;
        }
        let (root, below) = if self.before(b, a) { (b, a) } else { (a, b) };
        let first = std::mem::replace(&mut self.links(root).child, below);
        *self.links(below) = Links { next: first, prev: root, ..*self.links(below) };
        if first != NIL {
            self.links(first).prev = below;
        }
        root
    }

    /// One heap of siblings: pairs from left to right, then all pairs from right to left.
    fn combine(&mut self, first: u32) -> u32 {
        let (mut rest, mut pairs) = (first, NIL);
        while rest != NIL {
            let a = rest;
            let b = self.detach(a);
            rest = if b == NIL { NIL } else { self.detach(b) };
            let pair = self.merge(a, b);
            self.links(pair).next = pairs;
            pairs = pair;
        }
        let mut root = NIL;
        while pairs != NIL {
            let pair = pairs;
            pairs = self.detach(pair);
            root = self.merge(root, pair);
        }
        root
    }

    /// Takes an element from its siblings; the one after it.
    fn detach(&mut self, element: u32) -> u32 {
        let links = self.links(element);
        links.prev = NIL;
        std::mem::replace(&mut links.next, NIL)
    }
}
