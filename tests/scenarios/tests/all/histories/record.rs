//! What one client asked and heard, and when. Nothing here is repeated: an operation is sent once, and where no answer comes,
//! nobody knows whether it took effect.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::check::Event;
use super::cluster::Cluster;
use crate::harness::{Answer, Caller, Connection};

/// Events by object, in no order.
pub type Events<O, A> = BTreeMap<usize, Vec<Event<O, A>>>;

/// What became of a call.
pub enum Heard {
    Answer(Answer),
    /// It was sent, and may have had its effect.
    Unknown,
    /// No server was there to take it.
    NotSent,
}

/// One client: calls one node after the other, and notes what happened.
pub struct Client<'a> {
    name: String,
    cluster: &'a Cluster,
    callers: Vec<Caller>,
    began: Instant,
}

impl<'a> Client<'a> {
    /// A client whose times count from `began`.
    pub fn new(name: String, cluster: &'a Cluster, began: Instant) -> Self {
        let callers = (0..cluster.size())
            .map(|node| Caller::new(cluster.address(node), cluster.key.clone()))
            .collect();
        Self {
            name,
            cluster,
            callers,
            began,
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_nanos()).unwrap()
    }

    /// Calls an operation. With `leaves_after` it waits for no answer, but leaves that much later.
    fn call(&mut self, node: usize, operation: &str, body: &Value, leaves_after: Option<Duration>) -> Heard {
        let address = self.cluster.address(node);
        let caller = &mut self.callers[node];
        if caller.address != address {
            *caller = Caller::new(address, self.cluster.key.clone());
        }
        if let Some(time) = leaves_after {
            let bytes = caller.signed(operation, body.to_string().as_bytes());
            let Ok(mut connection) = Connection::open(address) else {
                return Heard::NotSent;
            };
            // Whether all of it went out does not matter: nobody knows either way.
            let _ = connection.send(&bytes);
            std::thread::sleep(time);
            return Heard::Unknown;
        }
        match caller.attempt(operation, body) {
            // A server that failed, or gave up waiting for its database, does not say whether there was an effect.
            Ok(answer) if answer.status >= 500 => Heard::Unknown,
            Ok(answer) => Heard::Answer(answer),
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => Heard::NotSent,
            Err(_) => Heard::Unknown,
        }
    }

    /// Calls an operation and notes it among the events of `object`; what was answered. `read` understands the answer.
    pub fn note<O: Clone, A: Clone>(
        &mut self,
        events: &mut Events<O, A>,
        (object, op): (usize, O),
        (node, operation, body): (usize, &str, &Value),
        leaves_after: Option<Duration>,
        read: impl FnOnce(&Answer) -> A,
    ) -> Option<A> {
        let invoked = self.now();
        let heard = self.call(node, operation, body, leaves_after);
        let returned = self.now();
        let answered = match heard {
            Heard::NotSent => {
                std::thread::sleep(Duration::from_millis(5));
                return None;
            }
            Heard::Unknown => None,
            Heard::Answer(answer) => Some((returned, read(&answer))),
        };
        let answer = answered.as_ref().map(|(_, answer)| answer.clone());
        events.entry(object).or_default().push(Event {
            who: format!("{} at node {node}", self.name),
            op,
            invoked,
            answered,
        });
        answer
    }
}
