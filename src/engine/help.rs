//! `CLIENT HELP`, `CONFIG HELP`, …: one answer for all containers, made from their subcommands' rows.

use super::{call::Call, errors::Error, table};

/// Replies with the subcommands of `container`: a heading as Redis 7.0 to 8.0 words it, then a line of usage and a
/// line of purpose for each.
pub fn help(c: &mut Call<'_>, container: &str) -> Result<(), Error> {
    let command = table::find(container.as_bytes()).ok_or(Error::Syntax)?;
    let name = container.to_ascii_uppercase();
    c.reply.array(1 + 2 * command.subs.len());
    c.reply.simple(&format!("{name} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"));
    for sub in &command.subs {
        c.reply.simple(sub.usage().strip_prefix(&format!("{name} ")).unwrap_or_default());
        c.reply.simple(&format!("    {}", sub.spec.summary));
    }
    Ok(())
}
