//! A command's words, as slices of the buffer they were read into.

/// One word's place in the buffer. 32 bits suffice: a query buffer never exceeds 1 GiB and a bulk never 512 MiB
/// by default, and the parser refuses what would not fit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    pub start: u32,
    pub len: u32,
}

/// The words of one command; word 0 is the command's name. Cheap to copy, owns nothing.
#[derive(Clone, Copy)]
pub struct Args<'a> {
    buf: &'a [u8],
    spans: &'a [Span],
}

impl<'a> Args<'a> {
    pub fn new(buf: &'a [u8], spans: &'a [Span]) -> Self {
        Args { buf, spans }
    }

    /// How many words there are, the command's name included.
    #[inline]
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// About how many bytes the command took on the wire.
    #[inline]
    pub fn wire_bytes(&self) -> usize {
        match (self.spans.first(), self.spans.last()) {
            (Some(first), Some(last)) => (last.start + last.len).saturating_sub(first.start) as usize,
            _ => 0,
        }
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Word `i`. Panics beyond the end, as a slice does: arity is checked before a handler runs.
    #[inline]
    pub fn at(&self, i: usize) -> &'a [u8] {
        let s = self.spans[i];
        &self.buf[s.start as usize..s.start as usize + s.len as usize]
    }

    #[inline]
    pub fn get(&self, i: usize) -> Option<&'a [u8]> {
        (i < self.spans.len()).then(|| self.at(i))
    }

    /// True if word `i` exists and equals `word` without regard to ASCII case.
    #[inline]
    pub fn is(&self, i: usize, word: &str) -> bool {
        self.get(i).is_some_and(|a| a.eq_ignore_ascii_case(word.as_bytes()))
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = &'a [u8]> + Clone + use<'a> {
        let me = *self;
        (0..me.spans.len()).map(move |i| me.at(i))
    }

    /// The words from `from` on.
    pub fn skip(&self, from: usize) -> Args<'a> {
        Args { buf: self.buf, spans: &self.spans[from.min(self.spans.len())..] }
    }

    pub fn to_vecs(&self) -> Vec<Vec<u8>> {
        self.iter().map(<[u8]>::to_vec).collect()
    }
}

/// Words that own their bytes: a queued command, a command that a script or a log wants executed.
#[derive(Clone, Default, Debug)]
pub struct OwnedArgs {
    buf: Vec<u8>,
    spans: Vec<Span>,
}

impl OwnedArgs {
    pub fn new<W: AsRef<[u8]>>(words: impl IntoIterator<Item = W>) -> Self {
        let mut me = OwnedArgs::default();
        for w in words {
            me.push(w.as_ref());
        }
        me
    }

    pub fn push(&mut self, word: &[u8]) {
        self.spans.push(Span { start: self.buf.len() as u32, len: word.len() as u32 });
        self.buf.extend_from_slice(word);
    }

    /// Forgets the words, keeps the room.
    pub fn clear(&mut self) {
        self.buf.clear();
        self.spans.clear();
    }

    pub fn args(&self) -> Args<'_> {
        Args::new(&self.buf, &self.spans)
    }

    pub fn len(&self) -> usize {
        self.spans.len()
    }

    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Some of the words, as a command of their own.
    pub fn range(&self, words: std::ops::Range<usize>) -> Args<'_> {
        Args::new(&self.buf, &self.spans[words])
    }

    /// Bytes held on the heap.
    pub fn heap_bytes(&self) -> usize {
        self.buf.capacity() + self.spans.capacity() * size_of::<Span>()
    }
}
