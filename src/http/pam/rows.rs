//! The rows of a list in a payload.

use serde::{Serialize, Serializer};

/// Rows, each converted to its view when it is written: a second list, of the views, would take more memory than the answer.
pub(super) struct Rows<V> {
    count: usize,
    view: Box<dyn Fn(usize) -> Option<V>>,
}

impl<V> Rows<V> {
    /// Creates the rows of a list.
    pub(super) fn new<T: 'static>(rows: Vec<T>, view: impl Fn(&T) -> V + 'static) -> Self {
        Self { count: rows.len(), view: Box::new(move |index| rows.get(index).map(&view)) }
    }
}

impl<V: Serialize> Serialize for Rows<V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((0..self.count).filter_map(&self.view))
    }
}
