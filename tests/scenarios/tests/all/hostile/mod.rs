//! Input that nobody should send: every piece of it gets a clear error in the form that AWS's clients read, or a closed
//! connection where HTTP has nothing better, and changes nothing.

mod bodies;
mod connections;
mod envelopes;
mod logs;

use serde_json::{Value, json};

use crate::harness::deal::{create, draft, get, list_all};
use crate::harness::{Caller, Key, Server};

/// An account with one opportunity, and how it looked at first.
struct Witness {
    caller: Caller,
    id: String,
    list: Vec<Value>,
    document: Value,
}

impl Witness {
    fn new(server: &Server, key: Key) -> Self {
        let mut caller = server.caller(key);
        // The documented keys are shared by the tests of one server; tokens are not.
        let id = create(&mut caller, &draft("witness"));
        let list = list_all(&mut caller, &json!({"Catalog": "Sandbox"}));
        let document = get(&mut caller, &id);
        Self {
            caller,
            id,
            list,
            document,
        }
    }

    /// Asserts that nothing has changed.
    #[track_caller]
    fn nothing_changed(&mut self) {
        assert_eq!(
            list_all(&mut self.caller, &json!({"Catalog": "Sandbox"})),
            self.list
        );
        assert_eq!(get(&mut self.caller, &self.id), self.document);
    }
}
