//! Keyspace events: what the guards wrote into the journal, as messages on `__keyspace@<db>__:<key>` and
//! `__keyevent@<db>__:<event>`. Sent while the locks of the command that caused them are held, so that everybody sees a
//! key's events in the order in which they happened.

use super::Engine;
use super::post::Poster;
use crate::keyspace::journal::{Event, class};

impl Engine {
    /// The classes of events that are worth recording at this moment: none while nobody listens to anything.
    #[inline]
    pub(super) fn event_mask(&self) -> u32 {
        let wanted = self.config.notify_keyspace_events.get() as u32;
        if wanted & (class::KEYSPACE | class::KEYEVENT) == 0 || self.pubsub.is_idle() { 0 } else { wanted }
    }

    #[cold]
    pub(super) fn notify(&self, post: &mut Poster, events: &[Event]) {
        let wanted = self.config.notify_keyspace_events.get() as u32;
        let mut channel = Vec::new();
        for e in events {
            for (way, name, about, message) in [
                (class::KEYSPACE, "keyspace", &*e.key, e.name.as_bytes()),
                (class::KEYEVENT, "keyevent", e.name.as_bytes(), &*e.key),
            ] {
                if wanted & way != 0 {
                    channel.clear();
                    channel.extend_from_slice(format!("__{name}@{}__:", e.db).as_bytes());
                    channel.extend_from_slice(about);
                    self.pubsub.publish(self, post, &channel, message);
                }
            }
        }
    }
}
