//! The terminal that standard output goes to.

use rustix::termios::tcgetwinsize;

/// Columns of a terminal that tells of none.
pub const COLUMNS: u16 = 80;

/// How wide it is.
pub fn columns() -> usize {
    let told = tcgetwinsize(std::io::stdout()).map_or(0, |size| size.ws_col);
    usize::from(if told == 0 { COLUMNS } else { told })
}
