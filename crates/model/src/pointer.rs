//! Names as tokens of JSON pointers (RFC 6901), by which findings name what they are about.

/// A name as a token.
pub fn token(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// A token, or several, as the names that they stand for.
pub fn plain(tokens: &str) -> String {
    tokens.replace("~1", "/").replace("~0", "~")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_its_name_again() {
        for name in ["https://api.example.com", "~1", "a~/b", ""] {
            assert!(!token(name).contains('/'));
            assert_eq!(plain(&token(name)), name);
        }
    }
}
