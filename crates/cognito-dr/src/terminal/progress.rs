//! How far the work is: bars in a terminal, lines elsewhere, events for programs. On the standard
//! error, and only where it takes longer than a moment.

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{HumanCount, HumanDuration, MultiProgress, ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use crate::arguments::{GlobalOptions, ProgressForm};

/// Work that is done within this time shows no progress.
const MOMENT: Duration = Duration::from_millis(250);
/// How often a bar is drawn anew, so that time goes by while nothing else does.
const TICK: Duration = Duration::from_millis(120);
/// How often a line tells how far a piece of work is.
const LINES: Duration = Duration::from_secs(10);
/// How often an event tells how far a piece of work is.
pub(super) const EVENTS: Duration = Duration::from_millis(250);

/// How progress is shown, once it is known where to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Bars,
    Lines,
    Json,
    Nothing,
}

impl Form {
    pub(super) fn of(options: &GlobalOptions) -> Self {
        match options.progress {
            ProgressForm::Json => Form::Json,
            _ if options.quiet => Form::Nothing,
            ProgressForm::Auto if io::stderr().is_terminal() => Form::Bars,
            ProgressForm::Auto | ProgressForm::Lines => Form::Lines,
            ProgressForm::Bars => Form::Bars,
            ProgressForm::None => Form::Nothing,
        }
    }
}

/// Shows how far one command's work is, piece after piece. Clones show the same.
#[derive(Debug, Clone)]
pub(crate) struct Progress(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    form: Form,
    bars: MultiProgress,
    began: Instant,
    /// How fast the work may go.
    limit: Option<String>,
    piece: Option<Piece>,
}

/// One piece of work, such as the users.
#[derive(Debug)]
struct Piece {
    what: String,
    done: u64,
    /// How much of it had been done before it was looked at.
    done_before: u64,
    of: Option<u64>,
    /// What it waits for.
    waits: Option<String>,
    /// How fast it may go, such as `50 % of the quotas`.
    limit: Option<String>,
    began: Instant,
    shown: Option<Instant>,
    bar: Option<ProgressBar>,
}

impl Progress {
    pub(super) fn new(form: Form, bars: MultiProgress) -> Self {
        let state = State {
            form,
            bars,
            began: Instant::now(),
            limit: None,
            piece: None,
        };
        let progress = Self(Arc::new(Mutex::new(state)));
        if form != Form::Nothing {
            // A piece of work that takes long and says nothing meanwhile is shown as well.
            let state = Arc::downgrade(&progress.0);
            tokio::spawn(async move {
                tokio::time::sleep(MOMENT).await;
                if let Some(state) = state.upgrade() {
                    lock(&state).show(false);
                }
            });
        }
        progress
    }

    /// Begins a piece of work; `of` is how many there are, where that is known.
    pub(crate) fn begin(&self, what: impl Into<String>, of: Option<u64>) {
        self.go_on(what, 0, of);
    }

    /// Goes on with a piece of work, some of which had been done before: the rate is that of the
    /// rest.
    fn go_on(&self, what: impl Into<String>, done_before: u64, of: Option<u64>) {
        let mut state = self.state();
        state.clear();
        let piece = Piece {
            what: what.into(),
            done: done_before,
            done_before,
            of,
            waits: None,
            limit: state.limit.clone(),
            began: Instant::now(),
            shown: None,
            bar: None,
        };
        if state.form == Form::Json {
            event(&json!({"event": "began", "activity": piece.activity()}));
        }
        state.piece = Some(piece);
        state.show(false);
    }

    /// Tells that one more is done.
    pub(crate) fn one_done(&self) {
        self.change(|piece| {
            piece.done += 1;
            piece.waits = None;
        });
    }

    /// Tells how far what is counted is; another thing is another piece of work.
    pub(crate) fn reached(&self, what: &str, done: u64, of: Option<u64>) {
        let is_same = |piece: &Piece| piece.what == what;
        if !self.state().piece.as_ref().is_some_and(is_same) {
            self.go_on(what, done, of);
        }
        self.change(|piece| {
            piece.done = done;
            piece.of = of;
            piece.waits = None;
        });
    }

    /// Whether events are wanted, for a program.
    pub(super) fn is_events(&self) -> bool {
        self.state().form == Form::Json
    }

    /// Says with every piece from now on how fast it may go, such as `50 % of the quotas`.
    pub(crate) fn limited_to(self, limit: String) -> Self {
        self.state().limit = Some(limit);
        self
    }

    /// Tells what the work waits for, and for how long where that is known.
    pub(crate) fn waits(&self, reason: &str, time: Option<Duration>) {
        let mut state = self.state();
        let Some(piece) = &mut state.piece else {
            return;
        };
        let mut text = format!("waits: {reason}");
        if let Some(time) = time {
            let _ = write!(text, " ({})", HumanDuration(time));
        }
        // What is said already need not be said again.
        let is_new = piece.waits.as_ref() != Some(&text);
        piece.waits = Some(text);
        state.show(is_new);
    }

    /// Ends the piece of work.
    pub(crate) fn end(&self) {
        self.state().clear();
    }

    fn change(&self, change: impl FnOnce(&mut Piece)) {
        let mut state = self.state();
        if let Some(piece) = &mut state.piece {
            change(piece);
            state.show(false);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.0)
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for State {
    fn drop(&mut self) {
        self.clear();
    }
}

impl State {
    /// Shows the piece, unless it was shown a moment ago; `now` shows it all the same.
    fn show(&mut self, now: bool) {
        let Some(piece) = &mut self.piece else {
            return;
        };
        if self.form != Form::Json && self.began.elapsed() < MOMENT {
            return;
        }
        let is_due = |pause| piece.shown.is_none_or(|shown| shown.elapsed() >= pause);
        match self.form {
            Form::Nothing => {}
            Form::Bars => piece.draw(&self.bars),
            Form::Lines if now || is_due(LINES) => {
                piece.shown = Some(Instant::now());
                // A standard error that is closed leaves nobody to tell.
                let _ = writeln!(io::stderr(), "{}", piece.line());
            }
            Form::Json if now || is_due(EVENTS) => {
                if piece.shown.is_some() {
                    piece.tell();
                }
                piece.shown = Some(Instant::now());
            }
            Form::Lines | Form::Json => {}
        }
    }

    fn clear(&mut self) {
        let Some(piece) = self.piece.take() else {
            return;
        };
        match (self.form, &piece.bar) {
            (Form::Json, _) => {
                piece.tell();
                event(
                    &json!({"event": "ended", "activity": piece.activity(), "ending": {"ending": "done"}}),
                );
            }
            (_, Some(bar)) => bar.finish_and_clear(),
            _ => {}
        }
    }
}

impl Piece {
    fn draw(&mut self, bars: &MultiProgress) {
        let bar = self.bar.get_or_insert_with(|| {
            let bar = match self.of {
                Some(of) => ProgressBar::new(of),
                None => ProgressBar::no_length(),
            };
            let bar = bars.add(bar.with_style(style(self.of.is_some())));
            bar.set_prefix(self.what.clone());
            bar.set_position(self.done_before);
            bar.reset_eta();
            bar.enable_steady_tick(TICK);
            bar
        });
        if let Some(of) = self.of {
            bar.set_length(of);
        }
        bar.set_position(self.done);
        let notes = [&self.limit, &self.waits];
        let notes: Vec<&str> = notes.into_iter().flatten().map(String::as_str).collect();
        bar.set_message(notes.join(", "));
    }

    /// Such as `users: 1,200 of 5,000, 24/s, 50 % of the quota, 3 minutes left`.
    fn line(&self) -> String {
        let mut line = format!("{}:", self.what);
        if let Some(of) = self.of {
            let _ = write!(line, " {} of {}", HumanCount(self.done), HumanCount(of));
        } else if self.done > 0 {
            let _ = write!(line, " {}", HumanCount(self.done));
        } else {
            line.push_str(" under way");
        }
        let seconds = self.began.elapsed().as_secs_f64();
        let done = self.done.saturating_sub(self.done_before);
        if done > 0 && seconds >= 1.0 {
            let rate = done as f64 / seconds;
            let _ = write!(line, ", {rate:.1}/s");
            if let Some(left) = self.of.and_then(|of| of.checked_sub(self.done)) {
                let left = Duration::from_secs_f64(left as f64 / rate);
                let _ = write!(line, ", {} left", HumanDuration(left));
            }
        }
        for note in [&self.limit, &self.waits].into_iter().flatten() {
            let _ = write!(line, ", {note}");
        }
        line
    }

    fn activity(&self) -> Value {
        json!({"activity": "reading", "what": self.what})
    }

    fn tell(&self) {
        event(
            &json!({"event": "progress", "of_what": self.what, "done": self.done, "total": self.of}),
        );
    }
}

fn style(has_length: bool) -> ProgressStyle {
    let template = if has_length {
        "{spinner} {prefix}  {bar:30} {human_pos} of {human_len}  {per_sec}  {eta} left  {msg}"
    } else {
        "{spinner} {prefix}  {human_pos}  {per_sec}  {elapsed}  {msg}"
    };
    // The templates above are right; were they not, a plain bar is shown.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// One event to a line.
pub(super) fn event(event: &Value) {
    // A standard error that is closed leaves nobody to tell.
    let _ = writeln!(io::stderr(), "{event}");
}
