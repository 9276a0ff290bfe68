//! Reading configuration at start: a file, standard input, the command line, in this order; what comes later wins.

use super::nearest::nearest;
use super::row::Row;
use super::table;
use super::value::Value;
use super::{Config, KeptLines, REDIS_VERSION, WordList, command_line};
use crate::resp::inline::split_args;
use std::fmt;

/// The files of whoever starts the server.
pub trait Files {
    /// The bytes of a file, or why it cannot be read (`No such file or directory`).
    fn read(&self, path: &str) -> Result<Vec<u8>, String>;
    /// All of standard input.
    fn stdin(&self) -> Result<Vec<u8>, String>;
    /// The files that fit a pattern, in order; none is not an error.
    fn glob(&self, pattern: &str) -> Result<Vec<String>, String>;
    /// The absolute form of a path, for CONFIG REWRITE and INFO.
    fn absolute(&self, path: &str) -> String;
}

/// Why the server must not start. Its text keeps Redis's shape and words, since tools look for them.
#[derive(Debug, PartialEq, Eq)]
pub enum LoadError {
    /// A file that cannot be opened.
    Open {
        path: String,
        reason: String,
        /// Where it is included: the file, and the line in it.
        included: Option<(String, usize)>,
    },
    Line {
        file: String,
        line: usize,
        text: String,
        reason: String,
        hint: Option<String>,
    },
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LoadError::Open { path, reason, included } => {
                write!(f, "Fatal error, can't open config file '{path}': {reason}")?;
                match included {
                    Some((file, line)) => write!(f, "\n(included in {file}, at line {line})"),
                    None => Ok(()),
                }
            }
            LoadError::Line { file, line, text, reason, hint } => {
                writeln!(f, "\n*** FATAL CONFIG FILE ERROR (Redis {REDIS_VERSION}) ***")?;
                writeln!(f, "Reading the configuration file, at line {line}")?;
                writeln!(f, ">>> '{text}'")?;
                write!(f, "{reason}\n(in {file})")?;
                hint.as_ref().map_or(Ok(()), |hint| write!(f, "\n{hint}"))
            }
        }
    }
}

impl std::error::Error for LoadError {}

/// A configuration ready to serve.
pub struct Loaded {
    pub config: Config,
    /// Sentences to log: directives that were read and have no effect.
    pub notices: Vec<String>,
}

/// Reads what the words after `serve` ask for.
pub fn from_command_line(words: &[Vec<u8>], files: &dyn Files) -> Result<Loaded, LoadError> {
    let asked = command_line::read(words);
    let mut loader = Loader::new(files);
    if let Some(path) = &asked.file {
        let path = String::from_utf8_lossy(path).into_owned();
        loader.file(&path)?;
        loader.config.set_file(Some(files.absolute(&path)));
    }
    if asked.stdin {
        let text = files.stdin().map_err(|reason| LoadError::Open { path: "-".to_owned(), reason, included: None })?;
        loader.text("standard input", &text)?;
    }
    loader.text("the command line", &asked.directives)?;
    Ok(loader.finish())
}

/// Reads one text, for tests and tools.
pub fn from_text(name: &str, text: &[u8], files: &dyn Files) -> Result<Loaded, LoadError> {
    let mut loader = Loader::new(files);
    loader.text(name, text)?;
    Ok(loader.finish())
}

/// How deep `include` may go; far beyond what anybody writes, short of what would overflow the stack.
const MAX_DEPTH: usize = 32;

struct Loader<'a> {
    config: Config,
    files: &'a dyn Files,
    notices: Vec<String>,
    /// Files being read, outermost first: an `include` of one of them would never end.
    open: Vec<String>,
    /// The first `save` line replaces the defaults, later ones add to it.
    save_seen: bool,
}

impl<'a> Loader<'a> {
    fn new(files: &'a dyn Files) -> Self {
        Loader { config: Config::new(), files, notices: Vec::new(), open: Vec::new(), save_seen: false }
    }

    fn finish(self) -> Loaded {
        Loaded { config: self.config, notices: self.notices }
    }

    fn file(&mut self, path: &str) -> Result<(), LoadError> {
        let failed = |reason: String| LoadError::Open { path: path.to_owned(), reason, included: None };
        let name = self.files.absolute(path);
        if self.open.contains(&name) || self.open.len() >= MAX_DEPTH {
            return Err(failed("it includes itself".to_owned()));
        }
        let text = self.files.read(path).map_err(failed)?;
        self.open.push(name);
        self.text(path, &text)?;
        self.open.pop();
        Ok(())
    }

    fn text(&mut self, file: &str, text: &[u8]) -> Result<(), LoadError> {
        for (at, line) in text.split(|b| *b == b'\n').enumerate() {
            let line = line.trim_ascii();
            if line.is_empty() || line.starts_with(b"#") {
                continue;
            }
            self.line(line).map_err(|refusal| match refusal {
                Refusal::Inner(LoadError::Open { path, reason, included }) => {
                    LoadError::Open { path, reason, included: included.or_else(|| Some((file.to_owned(), at + 1))) }
                }
                Refusal::Inner(error) => error,
                Refusal::Here { reason, hint } => LoadError::Line {
                    file: file.to_owned(),
                    line: at + 1,
                    text: String::from_utf8_lossy(line).into_owned(),
                    reason,
                    hint,
                },
            })?;
        }
        Ok(())
    }

    fn line(&mut self, line: &[u8]) -> Result<(), Refusal> {
        let Some(words) = split_args(line) else {
            return Err("Unbalanced quotes in configuration line".into());
        };
        let [name, values @ ..] = words.as_slice() else { return Ok(()) };
        if let Some(row) = table::find(name) {
            return self.directive(row, values);
        }
        let name = String::from_utf8_lossy(name).to_ascii_lowercase();
        let lines = &self.config.lines;
        match (name.as_str(), values) {
            ("include", [path]) => self.include(&String::from_utf8_lossy(path)).map_err(Refusal::Inner),
            ("user", [_, ..]) => keep(&lines.user, values),
            ("rename-command", [_, _]) => keep(&lines.rename_command, values),
            ("loadmodule", [_, ..]) => Err(Refusal::Here {
                reason: "modules cannot be loaded: there is no module interface".to_owned(),
                hint: Some("Remove the line, and those that set the module's parameters.".to_owned()),
            }),
            ("sentinel", _) => Err("sentinel directive while not in sentinel mode".into()),
            (retired, [_]) if table::RETIRED.contains(&retired) => {
                self.notices.push(format!("'{retired}' means nothing since Redis 7 and was ignored"));
                Ok(())
            }
            (dotted, values) if dotted.contains('.') => match values {
                // Redis ends here too where no module takes it.
                [_] => Err(Refusal::Here {
                    reason: "this is a parameter of a module, and modules cannot be loaded".to_owned(),
                    hint: Some("Remove the line.".to_owned()),
                }),
                _ => Err("Module config specified without value".into()),
            },
            _ => Err(unknown(&name)),
        }
    }

    fn directive(&mut self, row: &'static Row, words: &[Vec<u8>]) -> Result<(), Refusal> {
        // One word that holds several ("host port") counts as several, for those who quote the whole value.
        let inner = match words {
            [only] if row.kind.is_multi() && only.contains(&b' ') => split_args(only),
            _ => None,
        };
        let value = row.read(inner.as_deref().unwrap_or(words)).map_err(|reason| reason.into_owned())?;
        self.notices.extend(row.notice(&value));
        let value = match value {
            Value::Save(points) => {
                let mut all = if self.save_seen && !points.is_empty() { self.config.save.get() } else { Vec::new() };
                self.save_seen = true;
                all.extend(points);
                Value::Save(all)
            }
            other => other,
        };
        row.store(&self.config, value);
        Ok(())
    }

    fn include(&mut self, path: &str) -> Result<(), LoadError> {
        if !path.contains(['*', '?', '[']) {
            return self.file(path);
        }
        let fitting = self.files.glob(path).map_err(|reason| LoadError::Open {
            path: path.to_owned(),
            reason,
            included: None,
        })?;
        fitting.iter().try_for_each(|path| self.file(path))
    }
}

fn keep(lines: &KeptLines, words: &[Vec<u8>]) -> Result<(), Refusal> {
    lines.write().push(WordList::from(words));
    Ok(())
}

/// A line that was refused, or one in a file that it includes.
enum Refusal {
    Here { reason: String, hint: Option<String> },
    Inner(LoadError),
}

impl<S: Into<String>> From<S> for Refusal {
    fn from(reason: S) -> Self {
        Refusal::Here { reason: reason.into(), hint: None }
    }
}

fn unknown(name: &str) -> Refusal {
    let hint = match name.split_once('=') {
        Some((name, value)) if table::find(name.as_bytes()).is_some() => {
            Some(format!("A blank goes between name and value: '{name} {value}'"))
        }
        _ if matches!(name, "include" | "user" | "rename-command" | "loadmodule") => None,
        _ if table::find(name.trim_start_matches('-').as_bytes()).is_some() => {
            Some(format!("On the command line a directive has two dashes: '--{}'", name.trim_start_matches('-')))
        }
        _ => nearest(name).map(|near| format!("did you mean '{near}'?")),
    };
    Refusal::Here { reason: "Bad directive or wrong number of arguments".to_owned(), hint }
}
