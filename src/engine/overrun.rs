//! `client-output-buffer-limit`: who has left too much unread, and what happens to them.

use super::client_filter::{self, ClientType};
use super::clients::{Client, flag};
use super::config::cells::{Class, Limit};
use super::{Engine, LogLevel};
use std::sync::atomic::Ordering::Relaxed;

impl Engine {
    /// The limit for a client of this kind.
    pub fn output_limit(&self, client: &Client) -> Limit {
        let class = match client_filter::type_of(client) {
            ClientType::Normal | ClientType::Primary => Class::Normal,
            ClientType::Replica => Class::Replica,
            ClientType::Pubsub => Class::Pubsub,
        };
        self.config.client_output_buffer_limit.get(class)
    }

    /// True if so many unread bytes are more than the client may have at any time (the hard limit).
    #[inline]
    pub(super) fn is_too_much(&self, client: &Client, unread: u64) -> bool {
        let hard = self.output_limit(client).hard_bytes;
        hard > 0 && unread as i64 >= hard
    }

    /// Books a client that is closed for what it left unread, in Redis's words.
    #[cold]
    pub fn cut_off(&self, client: &Client, now_ms: i64) {
        client.set_flag(flag::CLOSING, true);
        self.shared_stats.output_buffer_overruns.fetch_add(1, Relaxed);
        let who = client_filter::line(client, now_ms, None);
        self.log(
            LogLevel::Warning,
            &format!("Client {who} scheduled to be closed ASAP for overcoming of output buffer limits."),
        );
    }
}
