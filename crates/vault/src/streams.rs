//! The users and memberships of a backup as streams, whose types are no part of their callers'.

use std::sync::Arc;

use futures::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};

use crate::difference::MayDiffer;
use crate::error::VaultError;
use crate::lines::{Membership, UserLine};
use crate::open::Backup;

impl Backup {
    /// [`users`](Self::users), of all or of those alone who may differ.
    pub fn stream_users(
        &self,
        from_offset: Option<u64>,
        only: Option<Arc<MayDiffer>>,
    ) -> BoxStream<'_, Result<UserLine, VaultError>> {
        let users = async move { Ok(self.users(from_offset).await?.only(only)) };
        let lines = stream::once(users).map_ok(|users| {
            stream::try_unfold(users, async |mut users| {
                Ok(users.next().await?.map(|line| (line, users)))
            })
        });
        lines.try_flatten().boxed()
    }

    /// [`memberships`](Self::memberships), of all or of those alone who may differ.
    pub fn stream_memberships(
        &self,
        only: Option<Arc<MayDiffer>>,
    ) -> BoxStream<'_, Result<Membership, VaultError>> {
        let memberships = async move { Ok(self.memberships().await?.only(only)) };
        let lines = stream::once(memberships).map_ok(|memberships| {
            stream::try_unfold(memberships, async |mut memberships| {
                Ok(memberships.next().await?.map(|line| (line, memberships)))
            })
        });
        lines.try_flatten().boxed()
    }
}
