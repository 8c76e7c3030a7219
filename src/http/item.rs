//! The fields of an item in a response, for the families that read items.

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::vault::item::ItemField;

/// Fields as a JSON object of strings. The only type of these families that serializes a secret; the vault has written the
/// secrets by the response key of the client, if it has one.
pub(crate) struct Fields(pub(crate) Vec<ItemField>);

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for field in &self.0 {
            map.serialize_entry(field.name, field.value.expose())?;
        }
        map.end()
    }
}
