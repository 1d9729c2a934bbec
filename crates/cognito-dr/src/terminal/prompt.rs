//! Questions to a person. Only where one is there: the standard input and the standard error are
//! terminals, and `--no-input` was not given.

use std::fmt::Display;

use dialoguer::console::Term;
use dialoguer::theme::ColorfulTheme;
use dialoguer::{Confirm, FuzzySelect, Input};
use model::UserPoolId;

use super::Terminal;
use crate::error::Error;

/// How many entries of a list are seen at once.
const LINES: usize = 12;

impl Terminal {
    /// Whether a person is there to be asked.
    pub(crate) fn can_ask(&self) -> bool {
        self.can_ask
    }

    /// Lets a person choose one of a list by typing some letters of it; gives its index. To be
    /// called only where [somebody can be asked](Self::can_ask).
    ///
    /// # Errors
    /// An interruption by Ctrl-C, or a list without entries.
    pub(crate) async fn choose<T: Display>(&self, what: &str, items: &[T]) -> Result<usize, Error> {
        if items.is_empty() {
            return Err(Error::new(format!(
                "there is nothing to choose from: {what}"
            )));
        }
        let what = what.to_owned();
        let items: Vec<String> = items.iter().map(ToString::to_string).collect();
        self.ask(move |terminal| {
            FuzzySelect::with_theme(&ColorfulTheme::default())
                .with_prompt(what)
                .items(items)
                .max_length(LINES)
                .default(0)
                .interact_on(terminal)
        })
        .await
    }

    /// Asks for a text, such as a file's name.
    ///
    /// # Errors
    /// An interruption by Ctrl-C.
    pub(crate) async fn enter(&self, what: &str) -> Result<String, Error> {
        let what = what.to_owned();
        self.ask(move |terminal| {
            Input::with_theme(&ColorfulTheme::default())
                .with_prompt(what)
                .interact_text_on(terminal)
        })
        .await
    }

    /// Asks whether to go on; `question` says what will happen. `--yes` answers.
    ///
    /// # Errors
    /// Where nobody is there to be asked, or who is there says no.
    pub(crate) async fn confirm(&self, question: &str) -> Result<(), Error> {
        if self.yes {
            return Ok(());
        }
        self.require_person(question)?;
        let question = question.to_owned();
        let is_yes = self.ask(move |terminal| {
            Confirm::with_theme(&ColorfulTheme::default())
                .with_prompt(question)
                .default(false)
                .interact_on(terminal)
        });
        if is_yes.await? {
            Ok(())
        } else {
            Err(Error::new("nothing was done: the answer was no"))
        }
    }

    /// Asks for the pool's id as the consent to something that cannot be taken back; `what` says
    /// what will happen. `--yes` answers.
    ///
    /// # Errors
    /// Where nobody is there to be asked, or something else is typed.
    pub(crate) async fn confirm_by_pool_id(
        &self,
        what: &str,
        pool: &UserPoolId,
    ) -> Result<(), Error> {
        if self.yes {
            return Ok(());
        }
        self.require_person(what)?;
        let typed = self
            .enter(&format!("{what} Type the pool's id to go on"))
            .await?;
        if typed.trim() == pool.as_str() {
            Ok(())
        } else {
            Err(Error::new(format!(
                "nothing was done: what was typed is not {pool}"
            )))
        }
    }

    fn require_person(&self, question: &str) -> Result<(), Error> {
        if self.can_ask {
            return Ok(());
        }
        Err(
            Error::new(format!("nobody is there to be asked: {question}"))
                .hint("Answer by --yes, once you have made sure that it is meant."),
        )
    }

    /// Asks with the bars out of the way. Ctrl-C is read as a key or comes as a signal, as the
    /// moment has it; either ends the question.
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Term) -> dialoguer::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let bars = self.bars.clone();
        let asked = tokio::task::spawn_blocking(move || bars.suspend(|| question(&Term::stderr())));
        let _cursor = ShownAgain;
        let answer = tokio::select! {
            answer = asked => answer,
            _ = tokio::signal::ctrl_c() => return Err(Error::interrupted()),
        };
        match answer {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(dialoguer::Error::IO(error))) => Err(error.into()),
            Err(error) => Err(Error::new("cannot ask").because_of(&error)),
        }
    }
}

/// Shows the cursor when it is dropped: a question that was cut short leaves it hidden.
struct ShownAgain;

impl Drop for ShownAgain {
    fn drop(&mut self) {
        // A terminal that is gone has no cursor.
        let _ = Term::stderr().show_cursor();
    }
}
