//! Stub, dropped on integration.
#[derive(Default)]
pub struct Reply {
    pub buf: Vec<u8>,
}

impl Reply {
    pub fn ok(&mut self) {
        self.simple("OK");
    }
    pub fn simple(&mut self, text: &str) {
        self.buf.extend_from_slice(format!("+{text}\r\n").as_bytes());
    }
    pub fn bulk(&mut self, bytes: &[u8]) {
        self.buf.extend_from_slice(format!("${}\r\n", bytes.len()).as_bytes());
        self.buf.extend_from_slice(bytes);
        self.buf.extend_from_slice(b"\r\n");
    }
    pub fn array(&mut self, n: usize) {
        self.buf.extend_from_slice(format!("*{n}\r\n").as_bytes());
    }
    pub fn map(&mut self, n: usize) {
        self.array(2 * n);
    }
}
