//! Large tables in the restore's folder, which invocations hand on to one another: in pieces, so
//! that a table is in memory once and not twice.

use compare::tables::Row;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::context::Restore;
use crate::error::RestoreError;

/// About how large a piece is, in bytes.
const PIECE: usize = 4_000_000;

/// What was written last under the key: the object of that name tells how much.
#[derive(Serialize, Deserialize)]
struct Pieces {
    bytes: usize,
}

/// Beside the object of the table's name, not below it: in a folder, that one is a file.
fn piece_key(key: &str, number: usize) -> String {
    format!("{key}.part-{number:05}")
}

const fn rows_of_a_piece<R: Row>() -> usize {
    PIECE / R::BYTES
}

/// Writes a table under `key`.
///
/// # Errors
/// As for [`Folder::write`](crate::folder::Folder::write).
pub(crate) async fn write<R: Row>(
    restore: &Restore<'_>,
    key: &str,
    rows: &[R],
) -> Result<(), RestoreError> {
    for (number, rows) in rows.chunks(rows_of_a_piece::<R>()).enumerate() {
        let mut piece = Vec::with_capacity(rows.len() * R::BYTES);
        rows.iter().for_each(|row| row.put(&mut piece));
        let key = piece_key(key, number);
        restore
            .folder
            .write(&key, "application/octet-stream", piece)
            .await?;
    }
    // Last: it says what lies beside it.
    let bytes = rows.len() * R::BYTES;
    let pieces = json!(Pieces { bytes }).to_string();
    let written = restore.folder.write(key, "application/json", pieces.into());
    written.await
}

/// The table under `key`; `None` when there is none.
///
/// # Errors
/// [`RestoreError::StateDamaged`] when it is not whole; [`RestoreError::Vault`] when the bucket
/// does not give it.
pub(crate) async fn read<R: Row>(
    restore: &Restore<'_>,
    key: &str,
) -> Result<Option<Vec<R>>, RestoreError> {
    let damaged = || RestoreError::StateDamaged {
        key: key.to_owned(),
        problem: "it is not whole: delete it and go on".to_owned(),
    };
    let Some(pieces) = restore.folder.read(key).await? else {
        return Ok(None);
    };
    let pieces: Pieces = serde_json::from_slice(&pieces).map_err(|_| damaged())?;
    let wanted = pieces.bytes / R::BYTES;
    let mut rows = Vec::with_capacity(wanted);
    for number in 0..wanted.div_ceil(rows_of_a_piece::<R>()) {
        let piece = restore.folder.read(&piece_key(key, number)).await?;
        let piece = piece.ok_or_else(damaged)?;
        // The last piece may have grown under an invocation that died before it told so.
        let left = wanted - rows.len();
        for row in piece.chunks_exact(R::BYTES).take(left) {
            rows.push(R::take(row).ok_or_else(damaged)?);
        }
    }
    if rows.len() == wanted {
        Ok(Some(rows))
    } else {
        Err(damaged())
    }
}
