//! What a person sees while something takes its time.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use end_to_end::drill::Watch;
use indicatif::{ProgressBar, ProgressStyle};

/// One line for each phase: a spinner with the latest news while it lasts, its time when it is
/// done. Without a terminal, a line when it is done.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    name: String,
    began: Instant,
    spinner: Option<ProgressBar>,
}

impl Progress {
    /// Ends the phase that is under way.
    pub(crate) fn end(&mut self) {
        if let Some(running) = self.running.take() {
            if let Some(spinner) = running.spinner {
                spinner.finish_and_clear();
            }
            println!("{:>7}  {}", seconds(running.began.elapsed()), running.name);
        }
    }
}

impl Watch for Progress {
    fn phase(&mut self, name: &str) {
        self.end();
        let spinner = std::io::stderr().is_terminal().then(|| {
            let style =
                ProgressStyle::with_template("{elapsed:>7}  {spinner} {prefix}  {wide_msg:.dim}");
            let spinner = ProgressBar::new_spinner().with_prefix(name.to_owned());
            spinner.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
            spinner.enable_steady_tick(Duration::from_millis(100));
            spinner
        });
        self.running = Some(Running {
            name: name.to_owned(),
            began: Instant::now(),
            spinner,
        });
    }

    fn note(&mut self, text: &str) {
        if let Some(spinner) = self
            .running
            .as_ref()
            .and_then(|running| running.spinner.as_ref())
        {
            spinner.set_message(text.to_owned());
        }
    }
}

/// `12.3 s`.
pub(crate) fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}
