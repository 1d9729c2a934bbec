//! Questions to a person. Only where one is there: the standard input and the standard error are
//! terminals, and `--no-input` was not given.

use std::fmt::Display;

use dialoguer::console::Term;
use dialoguer::theme::ColorfulTheme;
use dialoguer::{Confirm, FuzzySelect, Input};
use model::UserPoolId;

use super::Terminal;
use crate::error::Error;

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
    pub(crate) fn choose<T: Display>(&self, what: &str, items: &[T]) -> Result<usize, Error> {
        if items.is_empty() {
            return Err(Error::new(format!("there is no {what} to choose from")));
        }
        let theme = ColorfulTheme::default();
        let select = FuzzySelect::with_theme(&theme)
            .with_prompt(what)
            .items(items.iter().map(ToString::to_string))
            .max_length(12)
            .default(0);
        self.ask(|terminal| select.interact_on(terminal))
    }

    /// Asks for a text, such as a file's name.
    ///
    /// # Errors
    /// An interruption by Ctrl-C.
    pub(crate) fn enter(&self, what: &str) -> Result<String, Error> {
        let theme = ColorfulTheme::default();
        let input = Input::<String>::with_theme(&theme).with_prompt(what);
        self.ask(|terminal| input.interact_text_on(terminal))
    }

    /// Asks whether to go on; `what` was shown before. `--yes` answers.
    ///
    /// # Errors
    /// Where nobody is there to be asked, or who is there says no.
    pub(crate) fn confirm(&self, question: &str) -> Result<(), Error> {
        if self.yes {
            return Ok(());
        }
        self.require_person(question)?;
        let theme = ColorfulTheme::default();
        let confirm = Confirm::with_theme(&theme)
            .with_prompt(question)
            .default(false);
        if self.ask(|terminal| confirm.interact_on(terminal))? {
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
    pub(crate) fn confirm_by_pool_id(&self, what: &str, pool: &UserPoolId) -> Result<(), Error> {
        if self.yes {
            return Ok(());
        }
        self.require_person(what)?;
        let typed = self.enter(&format!("{what}. Type the pool's id to go on"))?;
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

    /// Asks with the bars out of the way.
    fn ask<T>(&self, question: impl FnOnce(&Term) -> dialoguer::Result<T>) -> Result<T, Error> {
        let terminal = Term::stderr();
        let answer = self.bars.suspend(|| question(&terminal));
        answer.map_err(|dialoguer::Error::IO(error)| {
            // A question that was cut short leaves the cursor hidden.
            let _ = terminal.show_cursor();
            error.into()
        })
    }
}
