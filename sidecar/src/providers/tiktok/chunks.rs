//! How a video is cut: into equal chunks, of which the last one takes what is left over.

/// How large chunks are. TikTok takes 5 to 64 MB, of a video that is smaller all of it; a chunk is held in memory, and the last
/// one is up to twice as large.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sizes(pub(super) usize);

/// Some of the bytes of a video.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chunk {
    pub(super) from: usize,
    pub(super) len: usize,
    /// How many bytes the video has.
    pub(super) total: usize,
}

impl Sizes {
    /// 5 MiB: a video of 4 GB has 819 chunks, and TikTok takes a thousand.
    pub(super) const USUAL: Self = Self(5 * 1024 * 1024);

    /// How large the chunks of a video are that has so many bytes.
    pub(super) fn chunk(self, total: usize) -> usize {
        self.0.min(total).max(1)
    }

    /// How many it has.
    pub(super) fn count(self, total: usize) -> usize {
        total / self.chunk(total)
    }

    /// Where the last one begins.
    pub(super) fn last(self, total: usize) -> usize {
        self.count(total).saturating_sub(1) * self.chunk(total)
    }

    /// The chunk that begins there.
    pub(super) fn at(self, from: usize, total: usize) -> Chunk {
        let is_last = from >= self.last(total);
        let len = if is_last { total.saturating_sub(from) } else { self.chunk(total) };
        Chunk { from, len, total }
    }

    /// Whether a chunk begins there that is not the last one, or the last one.
    pub(super) fn is_begin(self, at: usize, total: usize) -> bool {
        at <= self.last(total) && at.is_multiple_of(self.chunk(total))
    }
}

impl Chunk {
    /// As `Content-Range` has it.
    pub(super) fn range(self) -> String {
        format!("bytes {}-{}/{}", self.from, (self.from + self.len).saturating_sub(1), self.total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn chunks_are_those_of_the_documents() {
        let sizes = Sizes(10_000_000);
        assert_eq!((sizes.chunk(50_000_123), sizes.count(50_000_123)), (10_000_000, 5));
        assert_eq!(sizes.at(30_000_000, 50_000_123).range(), "bytes 30000000-39999999/50000123");
        assert_eq!(sizes.at(40_000_000, 50_000_123).range(), "bytes 40000000-50000122/50000123");
        assert_eq!((sizes.chunk(4_194_304), sizes.count(4_194_304)), (4_194_304, 1));
        assert_eq!(sizes.at(0, 4_194_304).range(), "bytes 0-4194303/4194304");
    }

    #[test]
    fn chunks_are_as_large_as_tiktok_takes_them() {
        const MB: usize = 1_000_000;
        const MIB: usize = 1 << 20;
        for total in [1, 5 * MB - 1, 5 * MIB, 8 * MIB, 10 * MIB - 1, 10 * MIB, 64 * MIB + 1, 4 << 30] {
            let (size, count) = (Sizes::USUAL.chunk(total), Sizes::USUAL.count(total));
            assert_eq!(count, total / size, "{total}");
            assert!((1..=1_000).contains(&count), "{total}");
            assert!(
                if total < 5 * MIB { size == total } else { (5 * MIB..=64 * MB).contains(&size) },
                "{total}"
            );
            let last = Sizes::USUAL.at(Sizes::USUAL.last(total), total);
            assert!(last.len <= 128 * MB && last.len >= size, "{total}");
        }
    }

    proptest! {
        #[test]
        fn chunks_cover_a_video(size in 1_usize..50, total in 1_usize..2_000) {
            let sizes = Sizes(size);
            let mut at = 0;
            for index in 0..sizes.count(total) {
                prop_assert!(sizes.is_begin(at, total));
                let chunk = sizes.at(at, total);
                prop_assert!(chunk.len >= sizes.chunk(total));
                prop_assert_eq!(at == sizes.last(total), index + 1 == sizes.count(total));
                at += chunk.len;
            }
            prop_assert_eq!(at, total);
            prop_assert!(!sizes.is_begin(total, total));
        }
    }
}
