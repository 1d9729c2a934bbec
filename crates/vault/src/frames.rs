//! Compressed documents: independent zstd frames, and a table of them at the end.
//!
//! ```text
//! frame ── frame ── ... ── frame of the trailer ── table     a skippable frame, for `zstd -d`
//! ```
//!
//! This is zstd's seekable format (`contrib/seekable_format` of zstd). Every frame holds 2 MiB of
//! content at most, ends with a line wherever a line is not longer than that, and carries zstd's
//! own checksum, so that damage is noticed by whoever reads that frame.

use bytes::Bytes;
use model::BackupName;
use serde::{Deserialize, Serialize};
use zstd::bulk::{Compressor, Decompressor};

use crate::error::VaultError;
use crate::source::{PIECE, Stored};
use crate::store::Opened;

/// The greatest content of a frame, in bytes. Larger ones cost memory.
const FRAME: usize = 2 * 1024 * 1024;
/// The greatest content of a frame that is read: another program may have written it.
const LARGEST_FRAME: u64 = 16 * 1024 * 1024;
/// Of 47 MB of generated users, in frames of this size, level 1 left 12.8 % at 376 MB/s, and level 3
/// 13.9 % at 143 MB/s: ids and addresses do not repeat, and names of members do so at once.
const LEVEL: i32 = 1;

/// How a frame of zstd begins.
const ZSTD: [u8; 4] = 0xFD2F_B528_u32.to_le_bytes();
/// How the skippable frame of the table begins.
const TABLE: [u8; 4] = 0x184D_2A5E_u32.to_le_bytes();
/// How the table ends.
const SEEKABLE: [u8; 4] = 0x8F92_EAB1_u32.to_le_bytes();
/// What stands before the table's entries: how it begins, and how long it is.
const TABLE_HEADER: u64 = 8;
/// The end of the table: the number of frames, a byte of flags, and how the table ends.
const FOOTER: u64 = 9;
/// The flag that says that each entry has a checksum of 4 bytes. Unused flags must be zero.
const HAS_CHECKSUMS: u8 = 0x80;

/// The sizes of a frame: what is stored, and its content, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FrameSize(u32, u32);

/// Whether bytes begin as a compressed document does.
pub(crate) fn is_compressed(start: &[u8]) -> bool {
    start.starts_with(&ZSTD)
}

/// Compresses a document as it is written.
#[derive(Debug)]
pub(crate) struct FrameWriter {
    /// The content of the frame that fills up.
    content: Vec<u8>,
    written: Vec<FrameSize>,
}

impl FrameWriter {
    /// Goes on after frames that were written before.
    pub(crate) fn after(written: Vec<FrameSize>) -> Self {
        Self {
            content: Vec::new(),
            written,
        }
    }

    /// Adds content. What is compressed of it is appended to `out`.
    pub(crate) fn write(&mut self, content: &[u8], out: &mut Vec<u8>) -> std::io::Result<()> {
        self.content.extend_from_slice(content);
        while self.content.len() >= FRAME {
            let last_line = self.content[..FRAME].iter().rposition(|b| *b == b'\n');
            self.end_at(last_line.map_or(FRAME, |end| end + 1), out)?;
        }
        Ok(())
    }

    /// Ends the frame, so that what comes next begins one.
    pub(crate) fn end_frame(&mut self, out: &mut Vec<u8>) -> std::io::Result<()> {
        self.end_at(self.content.len(), out)
    }

    /// Ends the document: its last line is a frame of its own, and the table follows.
    pub(crate) fn finish(mut self, out: &mut Vec<u8>) -> std::io::Result<()> {
        let before = self.content.len().saturating_sub(1);
        let line = self.content[..before].iter().rposition(|b| *b == b'\n');
        self.end_at(line.map_or(0, |end| end + 1), out)?;
        self.end_frame(out)?;
        let entries = self.written.len() as u64;
        out.extend_from_slice(&TABLE);
        out.extend_from_slice(&size_of(entries * 8 + FOOTER)?.to_le_bytes());
        for FrameSize(stored, content) in self.written {
            out.extend_from_slice(&stored.to_le_bytes());
            out.extend_from_slice(&content.to_le_bytes());
        }
        out.extend_from_slice(&size_of(entries)?.to_le_bytes());
        out.push(0);
        out.extend_from_slice(&SEEKABLE);
        Ok(())
    }

    /// The frames, to go on after; the open one must have been [ended](Self::end_frame).
    pub(crate) fn into_written(self) -> Vec<FrameSize> {
        self.written
    }

    /// Ends the frame with the first `length` bytes of what it holds.
    fn end_at(&mut self, length: usize, out: &mut Vec<u8>) -> std::io::Result<()> {
        if length == 0 {
            return Ok(());
        }
        // Made for each frame: between two it would keep megabytes.
        let mut compressor = Compressor::new(LEVEL)?;
        compressor.include_checksum(true)?;
        let frame = compressor.compress(&self.content[..length])?;
        let stored = size_of(frame.len() as u64)?;
        self.written
            .push(FrameSize(stored, size_of(length as u64)?));
        out.extend_from_slice(&frame);
        self.content.drain(..length);
        Ok(())
    }
}

/// The format has four bytes for each size: two thousand times what is written.
fn size_of(bytes: u64) -> std::io::Result<u32> {
    u32::try_from(bytes).map_err(std::io::Error::other)
}

/// The frames of a compressed document.
#[derive(Debug)]
pub(crate) struct Frames {
    name: BackupName,
    /// Where each frame ends: in the object, and in the content.
    ends: Vec<(u64, u64)>,
}

impl Frames {
    /// Reads the table of an object that was opened; `None` when it has none.
    pub(crate) async fn find(
        name: &BackupName,
        opened: &Opened,
    ) -> Result<Option<Self>, VaultError> {
        let damaged = || VaultError::damaged(name, "its table of frames does not fit the object");
        let Some((rest, magic)) = opened.end.split_last_chunk::<4>() else {
            return Ok(None);
        };
        let Some((_, [n0, n1, n2, n3, flags])) = rest.split_last_chunk::<5>() else {
            return Ok(None);
        };
        if *magic != SEEKABLE {
            return Ok(None);
        }
        let frames = u64::from(u32::from_le_bytes([*n0, *n1, *n2, *n3]));
        let entry = match *flags {
            0 => 8,
            HAS_CHECKSUMS => 12,
            _ => return Err(damaged()),
        };
        let length = TABLE_HEADER + frames * entry + FOOTER;
        let begins = opened.object_bytes.checked_sub(length);
        let begins = begins.ok_or_else(damaged)?;
        let table = stored(opened, begins, opened.object_bytes).await?;
        let announced = u32::try_from(length - TABLE_HEADER).map_err(|_| damaged())?;
        let entries = table
            .strip_prefix(&TABLE)
            .and_then(|table| table.strip_prefix(&announced.to_le_bytes()))
            .ok_or_else(damaged)?;
        let mut ends = Vec::new();
        let (mut in_object, mut in_content) = (0, 0);
        // What remains of the last one is the footer.
        for entry in entries.chunks_exact(entry as usize).take(frames as usize) {
            let (sizes, _) = entry.as_chunks::<4>();
            let size = |at: usize| sizes.get(at).map_or(0, |size| u32::from_le_bytes(*size));
            let (stored, content) = (u64::from(size(0)), u64::from(size(1)));
            if content > LARGEST_FRAME || content == 0 {
                return Err(damaged());
            }
            in_object += stored;
            in_content += content;
            ends.push((in_object, in_content));
        }
        if in_object != begins || ends.is_empty() {
            return Err(damaged());
        }
        let name = name.clone();
        Ok(Some(Self { name, ends }))
    }

    /// The length of the content.
    pub(crate) fn content_bytes(&self) -> u64 {
        self.ends.last().map_or(0, |(_, content)| *content)
    }

    /// Where the frame is stored whose content begins at `content`, and the frames before it.
    pub(crate) fn before(&self, content: u64) -> Result<(u64, Vec<FrameSize>), VaultError> {
        let frame = (0..self.ends.len()).find(|frame| self.begin(*frame).1 == content);
        let frame = frame.ok_or_else(|| self.damaged("its trailer is no frame of its own"))?;
        let size = |frame: usize| {
            let (begin, end) = (self.begin(frame), self.ends[frame]);
            let size = |bytes| size_of(bytes).map_err(|_| self.damaged("a frame is too large"));
            Ok(FrameSize(size(end.0 - begin.0)?, size(end.1 - begin.1)?))
        };
        let sizes = (0..frame).map(size).collect::<Result<_, VaultError>>()?;
        Ok((self.begin(frame).0, sizes))
    }

    /// The content of the last frame, which holds the trailer.
    pub(crate) async fn last(&self, opened: &Opened) -> Result<Bytes, VaultError> {
        let last = self.ends.len() - 1;
        let (from, to) = (self.begin(last).0, self.ends[last].0);
        let frame = stored(opened, from, to).await?;
        self.content(last..last + 1, &frame)
    }

    /// The content from `from` to `end`, or to the end of a frame before it.
    pub(crate) async fn piece(
        &self,
        stored: &Stored,
        from: u64,
        end: u64,
    ) -> Result<Bytes, VaultError> {
        let first = self.ends.partition_point(|(_, content)| *content <= from);
        if from >= end || first == self.ends.len() {
            return match from >= end {
                true => Ok(Bytes::new()),
                false => Err(self.damaged("it is shorter than its trailer says")),
            };
        }
        let begin = self.begin(first);
        let more = self.ends[first + 1..]
            .iter()
            .take_while(|(_, content)| content - begin.1 <= PIECE)
            .zip(&self.ends[first..])
            .take_while(|(_, (_, begins))| *begins < end)
            .count();
        let frames = first..first + more + 1;
        let bytes = stored.read(begin.0, self.ends[first + more].0).await?;
        let content = self.content(frames, &bytes)?;
        let (from, end) = (from - begin.1, (end - begin.1).min(content.len() as u64));
        Ok(content.slice(from as usize..end as usize))
    }

    /// Where a frame begins, in the object and in the content.
    fn begin(&self, frame: usize) -> (u64, u64) {
        match frame {
            0 => (0, 0),
            frame => self.ends[frame - 1],
        }
    }

    /// The content of frames that follow one another; `bytes` are all of theirs.
    fn content(&self, frames: std::ops::Range<usize>, bytes: &[u8]) -> Result<Bytes, VaultError> {
        let unpack = || -> std::io::Result<Vec<u8>> {
            let first = self.begin(frames.start);
            let mut decompressor = Decompressor::new()?;
            let mut whole = Vec::new();
            for frame in frames {
                let ((from, begins), (to, ends)) = (self.begin(frame), self.ends[frame]);
                let stored = &bytes[(from - first.0) as usize..(to - first.0) as usize];
                let content = (ends - begins) as usize;
                let unpacked = decompressor.decompress(stored, content)?;
                if unpacked.len() != content {
                    return Err(std::io::Error::other("another length"));
                }
                match whole.is_empty() {
                    true => whole = unpacked,
                    false => whole.extend_from_slice(&unpacked),
                }
            }
            Ok(whole)
        };
        unpack()
            .map(Bytes::from)
            .map_err(|_| self.damaged("a part of it cannot be decompressed"))
    }

    fn damaged(&self, reason: &str) -> VaultError {
        VaultError::damaged(&self.name, reason)
    }
}

/// A range of the object near its end, most of which was read when it was opened.
async fn stored(opened: &Opened, from: u64, to: u64) -> Result<Bytes, VaultError> {
    let known = opened.object_bytes - opened.end.len() as u64;
    match from.checked_sub(known) {
        Some(at) => Ok(opened.end.slice(at as usize..(to - known) as usize)),
        None => opened.stored.read(from, to).await,
    }
}
