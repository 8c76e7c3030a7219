//! The caps on whole lists: a list without a page is in memory until its answer is sent, however slowly the client reads. A
//! principal has few of them at a time, and all principals together have a budget of bytes.

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
/// The most units that a semaphore of tokio can have, far beyond the memory of a machine.
const MAX_UNITS: u32 = 1 << 28;
/// How long a further one waits for its turn.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// The unit of the budget, in bytes.
const UNIT: usize = 1024;
/// What the names of the fields, and what is no text, take in the answer for a row, in bytes.
const ROW_BYTES: usize = 384;

/// A row of a list, whose texts have about this size in an answer.
pub(super) trait ListedRow {
    /// The bytes of its texts.
    fn text_bytes(&self) -> usize;
}

/// The turn of a whole list, which ends when the last clone is dropped.
#[derive(Clone, Debug)]
pub struct WholeListTurn(#[expect(dead_code, reason = "dropped at the end of the turn")] Arc<OwnedSemaphorePermit>);

/// A list's part of the budget, which is given back when the last clone is dropped.
#[derive(Clone, Debug)]
pub struct WholeListShare(#[expect(dead_code, reason = "dropped at the end of the turn")] Arc<OwnedSemaphorePermit>);

/// The turns of every principal that has whole lists in progress, and the budget of all.
pub(super) struct WholeLists {
    lanes: Mutex<HashMap<Lane, Arc<Semaphore>>>,
    budget: Arc<Semaphore>,
    most: u32,
}

impl WholeLists {
    /// Creates a budget of so many bytes.
    pub(super) fn new(bytes: usize) -> Self {
        let most = u32::try_from(bytes / UNIT).unwrap_or(u32::MAX).clamp(1, MAX_UNITS);
        Self { lanes: Mutex::default(), budget: Arc::new(Semaphore::new(most as usize)), most }
    }

    /// Takes the memory of a whole list from the budget; `None` if there is not enough left. The budget is enough for one list,
    /// however large that is.
    fn share<T: ListedRow>(&self, rows: &[T]) -> Option<WholeListShare> {
        let bytes: usize = rows.iter().map(|row| row.text_bytes() + ROW_BYTES).sum();
        let units = u32::try_from(bytes / UNIT + 1).unwrap_or(u32::MAX).min(self.most);
        let share = Arc::clone(&self.budget).try_acquire_many_owned(units);
        share.ok().map(|share| WholeListShare(Arc::new(share)))
    }

    /// Waits for the turn of a whole list; `None` if there was none in time.
    async fn turn(&self, lane: Lane, longest: Duration) -> Option<WholeListTurn> {
        let turns = self.turns(lane);
        let permit = tokio::time::timeout(longest, turns.acquire_owned()).await;
        permit.ok()?.ok().map(|permit| WholeListTurn(Arc::new(permit)))
    }

    fn turns(&self, lane: Lane) -> Arc<Semaphore> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        // A permit and a waiting list hold the semaphore, too.
        lanes.retain(|_, turns| Arc::strong_count(turns) > 1);
        Arc::clone(lanes.entry(lane).or_insert_with(|| Arc::new(Semaphore::new(MAX_WHOLE_LISTS))))
    }
}

impl Vault {
    /// Runs `query`, which lists what `request` selects, as [`Vault::query`] does. A principal has few whole lists at a time,
    /// and all together have `http.whole_list_bytes`.
    ///
    /// # Errors
    /// [`VaultError::TooManyLists`].
    pub(super) async fn list<T: ListedRow + Send + 'static>(
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
        let is_whole = request.page.is_none();
        let shared = move |context: &mut OperationContext<'_>| {
            let mut done = query(context, &request)?;
            if is_whole {
                done.value.share =
                    Some(context.vault.whole_lists.share(&done.value.rows).ok_or(VaultError::TooManyLists)?);
            }
            Ok(done)
        };
        let list = self.query(permit, shared).await?;
        Ok(List { turn, ..list })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::id::AuthorizationId;

    #[actix_web::test]
    async fn a_principal_has_few_whole_lists_at_a_time_and_others_do_not_wait_for_it() {
        let lists = WholeLists::new(0);
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

    impl ListedRow for usize {
        fn text_bytes(&self) -> usize {
            *self
        }
    }

    #[test]
    fn all_principals_share_a_budget_that_is_enough_for_one_list() {
        let lists = WholeLists::new(100 * UNIT);
        let small = [10 * UNIT, 10 * UNIT];
        let mut shares: Vec<_> = (0..4).map(|_| lists.share(&small).unwrap()).collect();
        assert!(lists.share(&small).is_none());
        assert!(lists.share(&[1usize]).is_some());
        shares.pop();
        assert!(lists.share(&small).is_some());
        let large = [10_000 * UNIT];
        assert!(lists.share(&large).is_none());
        shares.clear();
        let only = lists.share(&large);
        assert!(only.is_some() && lists.share(&[1usize]).is_none());
    }

    #[actix_web::test]
    async fn principals_without_a_whole_list_take_no_memory() {
        let lists = WholeLists::new(0);
        for id in 1..100 {
            lists.turn(Lane::Client(AuthorizationId::new(id)), Duration::ZERO).await.unwrap();
        }
        assert_eq!(lists.lanes.lock().unwrap().len(), 1);
    }
}
