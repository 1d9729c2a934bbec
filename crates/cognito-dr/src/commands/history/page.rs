//! The history, or the life of one object, as one self-contained page, readable on a phone and on
//! paper.

use std::path::Path;

use askama::Template;
use jiff::Timestamp;

use super::life::Life;
use super::rows::Answer;
use super::text::{COLUMNS, cells, lines_of_entry, lines_of_moment, since};
use crate::error::Error;
use crate::new_file;

#[derive(Template)]
#[template(path = "history.html")]
pub(super) struct Page<'a> {
    pool: &'a str,
    /// What is followed, where it is one object.
    object: Option<&'a str>,
    from: Option<Timestamp>,
    until: Option<Timestamp>,
    columns: [&'static str; 9],
    rows: Vec<[String; 9]>,
    blocks: Vec<Block>,
}

/// What one backup says, beside its row.
struct Block {
    title: String,
    subtitle: String,
    lines: Vec<Line>,
}

struct Line {
    class: &'static str,
    sign: String,
    text: String,
}

pub(super) fn of_rows(answer: &Answer) -> Page<'_> {
    let backups = &answer.backups;
    let blocks = backups.iter().map(|entry| Block {
        title: entry.began.to_string(),
        subtitle: since(entry).map_or_else(String::new, |since| format!("since {since}")),
        lines: lines_of_entry(entry)
            .iter()
            .map(|line| Line::of(line))
            .collect(),
    });
    Page {
        pool: answer.pool_id.as_str(),
        object: None,
        from: backups.last().map(|entry| entry.began),
        until: backups.first().map(|entry| entry.began),
        columns: COLUMNS,
        rows: backups.iter().map(cells).collect(),
        blocks: blocks.filter(|block| !block.lines.is_empty()).collect(),
    }
}

pub(super) fn of_life(life: &Life) -> Page<'_> {
    let blocks = life.moments.iter().map(|moment| Block {
        title: moment.began.to_string(),
        subtitle: moment.what.in_words().to_owned(),
        lines: lines_of_moment(moment)
            .iter()
            .map(|line| Line::of(line))
            .collect(),
    });
    Page {
        pool: life.pool_id.as_str(),
        object: Some(&life.object),
        from: life.moments.first().map(|moment| moment.began),
        until: life.moments.last().map(|moment| moment.began),
        columns: COLUMNS,
        rows: Vec::new(),
        blocks: blocks.collect(),
    }
}

impl Page<'_> {
    pub(super) fn write(&self, file: &Path) -> Result<(), Error> {
        let page = self.render();
        let page = page.map_err(|error| Error::new("cannot make the page").because_of(&error))?;
        new_file::write(file, &page)
    }

    /// How many backups say something that somebody should look at.
    fn alarming(&self) -> usize {
        let is_alarming = |block: &&Block| block.lines.iter().any(|line| line.sign == "!");
        self.blocks.iter().filter(is_alarming).count()
    }
}

impl Line {
    fn of(line: &str) -> Self {
        let (sign, text) = line.split_once(' ').unwrap_or(("", line));
        let class = match sign {
            "!" | "-" => "bad",
            "+" => "good",
            "~" => "fair",
            _ => "quiet",
        };
        Self {
            class,
            sign: sign.to_owned(),
            text: text.to_owned(),
        }
    }
}
