//! The reply buffer. (stub of the worktree `spec`)

#[derive(Default)]
pub struct Reply {
    pub out: Vec<u8>,
    pub resp3: bool,
}

impl Reply {
    fn line(&mut self, mark: char, text: &str) {
        self.out.extend_from_slice(format!("{mark}{text}\r\n").as_bytes());
    }

    pub fn array(&mut self, n: usize) {
        self.line('*', &n.to_string());
    }

    pub fn map(&mut self, n: usize) {
        if self.resp3 { self.line('%', &n.to_string()) } else { self.array(n * 2) }
    }

    pub fn set(&mut self, n: usize) {
        if self.resp3 { self.line('~', &n.to_string()) } else { self.array(n) }
    }

    pub fn bulk(&mut self, b: &[u8]) {
        self.line('$', &b.len().to_string());
        self.out.extend_from_slice(b);
        self.out.extend_from_slice(b"\r\n");
    }

    pub fn simple(&mut self, s: &str) {
        self.line('+', s);
    }

    pub fn int(&mut self, n: i64) {
        self.line(':', &n.to_string());
    }

    pub fn null(&mut self) {
        if self.resp3 { self.line('_', "") } else { self.line('$', "-1") }
    }
}
