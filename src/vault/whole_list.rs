//! The cap on whole lists: a list without a page is in memory until its answer is sent, however slowly the client reads.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::operation::{Done, OperationContext, Permit};
use super::pagination::{List, ListRequest};
use super::{Vault, VaultError};
use crate::store::Lane;

/// How many whole lists of one principal are in memory at a time, on each node.
const MAX_WHOLE_LISTS: usize = 4;
/// How long a further one waits for its turn.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// The turn of a whole list, which ends when the last clone is dropped.
#[derive(Clone, Debug)]
pub struct WholeListTurn(#[expect(dead_code, reason = "dropped at the end of the turn")] Arc<OwnedSemaphorePermit>);

/// The turns of every principal that has whole lists in progress.
#[derive(Default)]
pub(super) struct WholeLists(Mutex<HashMap<Lane, Arc<Semaphore>>>);

impl WholeLists {
    /// Waits for the turn of a whole list; `None` if there was none in time.
    async fn turn(&self, lane: Lane, longest: Duration) -> Option<WholeListTurn> {
        let turns = self.turns(lane);
        let permit = tokio::time::timeout(longest, turns.acquire_owned()).await;
        permit.ok()?.ok().map(|permit| WholeListTurn(Arc::new(permit)))
    }

    fn turns(&self, lane: Lane) -> Arc<Semaphore> {
        let mut lanes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A permit and a waiting list hold the semaphore, too.
        lanes.retain(|_, turns| Arc::strong_count(turns) > 1);
        Arc::clone(lanes.entry(lane).or_insert_with(|| Arc::new(Semaphore::new(MAX_WHOLE_LISTS))))
    }
}

impl Vault {
    /// Runs `query`, which lists what `request` selects, as [`Vault::query`] does. A principal has few whole lists at a time.
    ///
    /// # Errors
    /// [`VaultError::TooManyLists`].
    pub(super) async fn list<T: Send + 'static>(
        &self,
        permit: Permit,
        request: ListRequest,
        query: impl Fn(&mut OperationContext<'_>, &ListRequest) -> Result<Done<List<T>>, VaultError> + Send + Sync + 'static,
    ) -> Result<List<T>, VaultError> {
        let turn = match request.page {
            Some(_) => None,
            None => match self.0.whole_lists.turn(permit.principal().lane(), MAX_WAIT).await {
                Some(turn) => Some(turn),
                None => return Err(self.refuse(&permit, VaultError::TooManyLists).await),
            },
        };
        let list = self.query(permit, move |context| query(context, &request)).await?;
        Ok(List { turn, ..list })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::id::AuthorizationId;

    #[actix_web::test]
    async fn a_principal_has_few_whole_lists_at_a_time_and_others_do_not_wait_for_it() {
        let lists = WholeLists::default();
        let (one, other) = (Lane::Client(AuthorizationId::new(1)), Lane::Client(AuthorizationId::new(2)));
        let mut turns = Vec::new();
        for _ in 0..MAX_WHOLE_LISTS {
            turns.push(lists.turn(one, Duration::ZERO).await.unwrap());
        }
        assert!(lists.turn(one, Duration::ZERO).await.is_none());
        assert!(lists.turn(other, Duration::ZERO).await.is_some());
        turns.pop();
        assert!(lists.turn(one, Duration::ZERO).await.is_some());
    }

    #[actix_web::test]
    async fn principals_without_a_whole_list_take_no_memory() {
        let lists = WholeLists::default();
        for id in 1..100 {
            lists.turn(Lane::Client(AuthorizationId::new(id)), Duration::ZERO).await.unwrap();
        }
        assert_eq!(lists.0.lock().unwrap().len(), 1);
    }
}
