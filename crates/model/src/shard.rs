//! One share of a pool's users, by the beginning of their `sub`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// So many beginnings of two hexadecimal digits are shared out.
const BEGINNINGS: u16 = 256;
/// How many of them begin with the same digit.
const OF_A_DIGIT: u16 = 16;

/// A text that names no share.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a shard is written i/n, from 1/n to n/n, with an n of at most {BEGINNINGS}")]
pub struct InvalidShard;

/// The share `index` of `of` shares. Every user is in exactly one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Parts", into = "Parts")]
pub struct Shard {
    of: u16,
    index: u16,
}

#[derive(Serialize, Deserialize)]
struct Parts {
    index: u16,
    of: u16,
}

impl Shard {
    /// The share `index`, from 1, of `of`.
    ///
    /// # Errors
    /// [`InvalidShard`] when there is no such share, or there are more than 256.
    pub fn new(index: u16, of: u16) -> Result<Self, InvalidShard> {
        let is_one = (1..=BEGINNINGS).contains(&of) && (1..=of).contains(&index);
        is_one.then_some(Self { of, index }).ok_or(InvalidShard)
    }

    /// Which one it is, from 1.
    pub fn index(self) -> u16 {
        self.index
    }

    /// How many there are.
    pub fn of(self) -> u16 {
        self.of
    }

    /// All shares of as many, in order.
    pub fn all(self) -> impl Iterator<Item = Self> {
        let of = self.of;
        (1..=of).map(move |index| Self { of, index })
    }

    /// What the `sub` of its users begins with, each user's with exactly one: one or two
    /// hexadecimal digits.
    pub fn beginnings(self) -> Vec<String> {
        let border = |index: u16| {
            let beginnings = u32::from(BEGINNINGS) * u32::from(index) / u32::from(self.of);
            u16::try_from(beginnings).unwrap_or(BEGINNINGS)
        };
        let (mut at, end) = (border(self.index - 1), border(self.index));
        let mut beginnings = Vec::new();
        while at < end {
            if at % OF_A_DIGIT == 0 && at + OF_A_DIGIT <= end {
                beginnings.push(format!("{:x}", at / OF_A_DIGIT));
                at += OF_A_DIGIT;
            } else {
                beginnings.push(format!("{at:02x}"));
                at += 1;
            }
        }
        beginnings
    }

    /// How a name says it: `shard-2-of-4`.
    pub fn in_name(self) -> String {
        format!("shard-{}-of-{}", self.index, self.of)
    }

    /// Reads what [`in_name`](Self::in_name) wrote.
    pub fn from_name(name: &str) -> Option<Self> {
        let (index, of) = name.strip_prefix("shard-")?.split_once("-of-")?;
        let shard = Self::new(index.parse().ok()?, of.parse().ok()?).ok()?;
        (shard.in_name() == name).then_some(shard)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.index, self.of)
    }
}

impl FromStr for Shard {
    type Err = InvalidShard;

    fn from_str(text: &str) -> Result<Self, InvalidShard> {
        let (index, of) = text.split_once('/').ok_or(InvalidShard)?;
        let number = |text: &str| text.parse().map_err(|_| InvalidShard);
        Self::new(number(index)?, number(of)?)
    }
}

impl TryFrom<Parts> for Shard {
    type Error = InvalidShard;

    fn try_from(parts: Parts) -> Result<Self, InvalidShard> {
        Self::new(parts.index, parts.of)
    }
}

impl From<Shard> for Parts {
    fn from(shard: Shard) -> Self {
        Self {
            index: shard.index,
            of: shard.of,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sub_is_in_exactly_one_share_whatever_their_number() {
        for of in 1..=256 {
            let mut holders = [0; 256];
            for shard in Shard::new(1, of).unwrap().all() {
                let beginnings = shard.beginnings();
                for (sub, holders) in holders.iter_mut().enumerate() {
                    let sub = format!("{sub:02x}4fe2a1-0000-4000-8000-000000000000");
                    let held = beginnings.iter().filter(|begins| sub.starts_with(*begins));
                    *holders += held.count();
                }
            }
            assert_eq!(holders, [1; 256], "{of}");
        }
    }

    #[test]
    fn shares_differ_by_one_beginning_and_ask_as_seldom_as_they_can() {
        let shard: Shard = "2/3".parse().unwrap();
        assert_eq!(shard.beginnings().first().unwrap(), "55");
        assert_eq!("1/1".parse::<Shard>().unwrap().beginnings().len(), 16);
        assert_eq!("7/16".parse::<Shard>().unwrap().beginnings(), ["6"]);
        assert_eq!("256/256".parse::<Shard>().unwrap().beginnings(), ["ff"]);
    }

    #[test]
    fn what_is_no_share_is_refused() {
        for text in [
            "", "1", "0/2", "3/2", "1/0", "1/257", "a/b", "1/2/3", "-1/2",
        ] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
        let shard: Shard = "2/4".parse().unwrap();
        assert_eq!(Shard::from_name(&shard.in_name()), Some(shard));
        assert_eq!(Shard::from_name("shard-02-of-4"), None);
    }
}
