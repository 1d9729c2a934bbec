//! The variables of a function's environment, which the templates set.

use cognito::Pace;

use crate::Failed;

/// A function's environment.
#[derive(Debug, Clone, Copy)]
pub struct Environment<Variable> {
    variable: Variable,
}

impl Environment<fn(&str) -> Option<String>> {
    /// That of this process.
    pub fn of_process() -> Self {
        Self::new(crate::variable)
    }
}

impl<Variable: Fn(&str) -> Option<String>> Environment<Variable> {
    /// An environment in which `variable` looks one up.
    pub fn new(variable: Variable) -> Self {
        Self { variable }
    }

    /// A variable that may be left out; blank is left out.
    pub fn optional(&self, name: &str) -> Option<String> {
        let value = (self.variable)(name)?.trim().to_owned();
        (!value.is_empty()).then_some(value)
    }

    /// A variable that must be there.
    ///
    /// # Errors
    /// [`Failed`] that names it.
    pub fn required(&self, name: &str) -> Result<String, Failed> {
        self.optional(name)
            .ok_or_else(|| Failed::configuration(name, "it is not set"))
    }

    /// `QUOTA_SHARE` and `QUOTA_OVERRIDES`: the share of Cognito's quotas that the function may
    /// use, `default_share` unless it is set, and quotas that were raised for the account, as
    /// [`Pace::with_quotas`] reads them.
    ///
    /// # Errors
    /// [`Failed`] that names the variable.
    pub fn pace(&self, default_share: f64) -> Result<Pace, Failed> {
        let share = match self.optional("QUOTA_SHARE") {
            None => default_share,
            Some(text) => text
                .parse()
                .ok()
                .filter(|share| (0.01..=1.0).contains(share))
                .ok_or_else(|| {
                    let problem = format!("{text:?} is not a number from 0.01 to 1");
                    Failed::configuration("QUOTA_SHARE", problem)
                })?,
        };
        let quotas = self.optional("QUOTA_OVERRIDES").unwrap_or_default();
        Pace::share_of_quotas(share)
            .with_quotas(&quotas)
            .map_err(|error| Failed::configuration("QUOTA_OVERRIDES", error))
    }
}

#[cfg(test)]
mod tests {
    use cognito::Category;
    use model::Failure;

    use super::*;

    fn with(
        name: &'static str,
        value: &'static str,
    ) -> Environment<impl Fn(&str) -> Option<String>> {
        Environment::new(move |asked| (asked == name).then(|| value.to_owned()))
    }

    #[test]
    fn blank_is_not_set() {
        for value in ["", " ", "\n"] {
            assert_eq!(with("A", value).optional("A"), None);
            let error = with("A", value).required("A").unwrap_err();
            assert_eq!(error.failure(), Failure::MissingConfiguration);
            assert_eq!(error.to_string(), "environment variable A: it is not set");
        }
        assert_eq!(with("A", " b ").required("A").unwrap(), "b");
    }

    #[test]
    fn the_pace_is_a_share_of_the_quotas_and_of_those_that_were_raised() {
        let rate = |name, value, category| with(name, value).pace(0.5).unwrap().rate(category);
        assert_eq!(rate("A", "", Category::UserList), 15.0);
        assert_eq!(rate("QUOTA_SHARE", "1", Category::UserList), 30.0);
        assert_eq!(
            rate("QUOTA_OVERRIDES", "UserRead=300", Category::UserRead),
            150.0
        );
    }

    #[test]
    fn what_is_no_share_and_what_is_no_quota_is_named() {
        for (name, value) in [
            ("QUOTA_SHARE", "half"),
            ("QUOTA_SHARE", "0"),
            ("QUOTA_SHARE", "1.5"),
            ("QUOTA_SHARE", "NaN"),
            ("QUOTA_OVERRIDES", "UserList"),
        ] {
            let error = with(name, value).pace(0.5).unwrap_err();
            assert_eq!(error.failure(), Failure::MissingConfiguration);
            assert!(error.to_string().contains(name), "{error}");
        }
    }
}
