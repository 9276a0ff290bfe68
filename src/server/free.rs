//! The thread that frees what is dear to free, so that no client waits for it.

use std::sync::mpsc::{Sender, channel};

/// Hands values to the thread; it ends when this goes.
pub struct Freeing(Sender<Box<dyn Send>>);

impl Freeing {
    pub fn start() -> std::io::Result<Freeing> {
        let (sender, values) = channel::<Box<dyn Send>>();
        super::os::spawn("free", move || values.into_iter().for_each(drop))?;
        Ok(Freeing(sender))
    }

    pub fn free(&self, values: Box<dyn Send>) {
        // If the thread is gone the values come back in the error, and are freed here.
        let _ = self.0.send(values);
    }
}
