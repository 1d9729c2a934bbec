//! Completions and manual pages.

use crate::support::Account;

#[test]
fn every_shell_gets_completions() {
    let account = Account::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let printed = account.prints(&["completions", shell]);
        assert!(printed.contains("all-regions"), "{shell}");
    }
}

#[test]
fn manual_pages_are_printed_or_written_for_every_command() {
    let account = Account::new();
    assert!(account.prints(&["man"]).contains("cognito\\-dr"));
    account.prints(&["man", "--to", "man1"]);
    for page in ["cognito-dr.1", "cognito-dr-pools.1", "cognito-dr-show.1"] {
        assert!(account.path("man1").join(page).exists(), "{page}");
    }
}
