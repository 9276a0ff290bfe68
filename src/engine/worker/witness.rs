//! Which command ran when a thread panicked. Costs nothing while none does: the witness speaks only while the stack is
//! unwound.

use crate::engine::monitor::shown;
use crate::engine::table::Command;
use crate::resp::Args;
use std::cell::Cell;

/// Longer words are cut, as Redis does.
const MOST_BYTES: usize = 128;

thread_local! {
    static LAST: Cell<Option<Vec<Vec<u8>>>> = const { Cell::new(None) };
}

pub(super) struct Witness<'a> {
    pub command: &'static Command,
    pub args: Args<'a>,
}

impl Witness<'_> {
    /// The command has come to its end.
    #[inline]
    pub fn dismiss(self) {
        std::mem::forget(self);
    }
}

impl Drop for Witness<'_> {
    #[cold]
    fn drop(&mut self) {
        // Of commands inside others, the innermost is the one.
        let known = LAST.take();
        LAST.set(known.or_else(|| {
            let mut words = shown(self.command, self.args);
            words.iter_mut().for_each(|w| w.truncate(MOST_BYTES));
            Some(words)
        }));
    }
}

/// The words of the command that panicked on this thread, without secrets; `None` if none did.
pub fn last_words() -> Option<Vec<Vec<u8>>> {
    LAST.take()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::table;
    use crate::resp::OwnedArgs;

    #[test]
    fn the_innermost_command_is_told_without_secrets() {
        crate::commands::install();
        let (inner, outer) = (OwnedArgs::new("AUTH me secret".split(' ')), OwnedArgs::new("EVAL x 0".split(' ')));
        let panicked = std::panic::catch_unwind(|| {
            let _outer = Witness { command: table::find(b"eval").unwrap(), args: outer.args() };
            Witness { command: table::find(b"get").unwrap(), args: inner.args() }.dismiss();
            let _inner = Witness { command: table::find(b"auth").unwrap(), args: inner.args() };
            std::panic::resume_unwind(Box::new(()));
        });
        assert!(panicked.is_err());
        let words = last_words().expect("a panic");
        assert_eq!(words.join(&b' '), b"AUTH (redacted) (redacted)");
        assert_eq!(last_words(), None);
    }
}
