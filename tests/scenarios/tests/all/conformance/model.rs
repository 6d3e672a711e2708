//! The model's facts, and the requests that follow from them: what must be taken, and what must be refused and how.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use regex::Regex;
use serde_json::{Map, Value, json};

use super::strings::Text;

/// What a request must bring about.
#[derive(Debug, Clone, PartialEq)]
pub enum Expected {
    /// Its shape is right.
    Taken,
    /// SerializationException.
    WrongType,
    /// One violation of this field with this code.
    Violation(String, &'static str),
}

/// A request and what must come of it.
pub struct Case {
    /// What is special about it.
    pub name: String,
    /// The request.
    pub body: Value,
    /// What must come of it.
    pub expected: Expected,
}

/// The facts.
pub struct Model {
    facts: Value,
    overlay: Value,
    texts: RefCell<HashMap<String, Rc<Kept>>>,
}

struct Kept {
    shortest: String,
    longest: String,
    unfit: Vec<String>,
}

type Wrap<'a> = &'a dyn Fn(Value) -> Value;

impl Model {
    /// Reads the project's model and what the project accepts beyond it.
    pub fn read() -> Self {
        let read = |file: &str| {
            let path = format!("{}/../../model/{file}", env!("CARGO_MANIFEST_DIR"));
            let text = std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
            serde_json::from_slice(&text).unwrap()
        };
        Self {
            facts: read("partnercentral-selling.json"),
            overlay: read("overlay.json"),
            texts: RefCell::default(),
        }
    }

    /// The names of all operations.
    pub fn operations(&self) -> Vec<String> {
        self.facts["operations"]
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect()
    }

    fn shape(&self, name: &str) -> &Value {
        let shape = &self.facts["shapes"][name];
        assert!(shape.is_object(), "no shape {name}");
        shape
    }

    fn input(&self, operation: &str) -> &str {
        self.facts["operations"][operation]["input"].as_str().unwrap()
    }

    fn members<'a>(&'a self, shape: &'a Value) -> impl Iterator<Item = (&'a str, &'a str, &'a Value)> {
        let members = shape["members"].as_object().unwrap();
        members
            .iter()
            .map(|(name, member)| (name.as_str(), member["target"].as_str().unwrap(), member))
    }

    /// Enum values: the model's, those that the overlay adds, without those that it makes read-only.
    fn values(&self, name: &str) -> Option<Vec<&str>> {
        let listed = |list: &str| {
            let list = self.overlay[list].as_array().unwrap();
            let of_shape = list.iter().filter(|entry| entry["shape"] == name);
            of_shape
                .map(|entry| entry["value"].as_str().unwrap())
                .collect::<Vec<_>>()
        };
        let values = self.shape(name)["enum"].as_array()?;
        let mut values: Vec<&str> = values.iter().map(|value| value.as_str().unwrap()).collect();
        values.extend(listed("acceptedValues"));
        let read_only = listed("readOnlyValues");
        values.retain(|value| !read_only.contains(value));
        Some(values)
    }

    fn refused_values(&self, name: &str) -> Vec<&str> {
        let list = self.overlay["readOnlyValues"].as_array().unwrap();
        let of_shape = list.iter().filter(|entry| entry["shape"] == name);
        of_shape.map(|entry| entry["value"].as_str().unwrap()).collect()
    }

    fn texts(&self, name: &str) -> Rc<Kept> {
        if let Some(kept) = self.texts.borrow().get(name) {
            return Rc::clone(kept);
        }
        let shape = self.shape(name);
        let text = Text::new(
            shape["pattern"].as_str(),
            shape["min"].as_u64(),
            shape["max"].as_u64(),
        );
        let (shortest, longest) = text.bounds();
        let kept = Rc::new(Kept {
            shortest,
            longest,
            unfit: text.unfit(),
        });
        self.texts.borrow_mut().insert(name.to_owned(), Rc::clone(&kept));
        kept
    }

    /// Every text shape that is no enum and bounds anything, with its bounds where nothing but its length is bounded.
    pub fn lengths(&self) -> Vec<(String, Option<(usize, usize)>)> {
        let length = Regex::new(r"^(?:\(\?s\))?\.\{(\d+),(\d+)\}$").unwrap();
        let shapes = self.facts["shapes"].as_object().unwrap().iter();
        let texts = shapes.filter(|(_, shape)| shape["type"] == "string" && shape["enum"].is_null());
        let bounded = |shape: &&Value| {
            ["pattern", "min", "max"]
                .iter()
                .any(|fact| !shape[*fact].is_null())
        };
        let texts = texts.filter(|(_, shape)| bounded(shape));
        let bounds = |shape: &Value| match shape["pattern"].as_str() {
            Some(pattern) => {
                let found = length.captures(pattern)?;
                Some((found[1].parse().unwrap(), found[2].parse().unwrap()))
            }
            None => {
                let bound = |name: &str| usize::try_from(shape[name].as_u64()?).ok();
                Some((bound("min")?, bound("max")?))
            }
        };
        texts.map(|(name, shape)| (name.clone(), bounds(shape))).collect()
    }

    /// The lengths of the shortest and the longest generated text of a shape, and of those that do not fit.
    pub fn reached(&self, name: &str) -> (usize, usize, Vec<usize>) {
        let texts = self.texts(name);
        let length = |text: &String| text.chars().count();
        let unfit = texts.unfit.iter().map(length).collect();
        (length(&texts.shortest), length(&texts.longest), unfit)
    }

    /// The least that an operation takes.
    pub fn minimal(&self, operation: &str) -> Value {
        self.least(self.input(operation))
    }

    fn least(&self, name: &str) -> Value {
        let shape = self.shape(name);
        match shape["type"].as_str().unwrap() {
            "structure" if shape["union"] == true => {
                let (member, target, _) = self.members(shape).next().unwrap();
                json!({ member: self.least(target) })
            }
            "structure" => {
                let required = self
                    .members(shape)
                    .filter(|(_, _, facts)| facts["required"] == true);
                let member = |(member, target, _): (&str, &str, &Value)| {
                    (member.to_owned(), self.least_of_member(member, target))
                };
                Value::Object(required.map(member).collect())
            }
            "list" => {
                let item = self.least(shape["member"].as_str().unwrap());
                let count = shape["min"].as_u64().unwrap_or(0);
                Value::Array(vec![item; usize::try_from(count).unwrap()])
            }
            "string" => match self.values(name) {
                Some(values) => values[0].into(),
                None => self.texts(name).shortest.as_str().into(),
            },
            "integer" => shape["min"].as_i64().unwrap_or(0).into(),
            "timestamp" => "2026-11-21T08:49:04Z".into(),
            other => panic!("teach this test the type {other} of {name}"),
        }
    }

    /// Two members mean more than their shape says: only two catalogs exist.
    fn least_of_member(&self, member: &str, target: &str) -> Value {
        match member {
            "Catalog" => "Sandbox".into(),
            _ => self.least(target),
        }
    }

    /// The most that an operation takes. `turn` chooses among the members of unions and the values of enums. Page tokens
    /// are left out: they are the server's own words.
    pub fn maximal(&self, operation: &str, turn: usize) -> Value {
        let mut body = self.most(self.input(operation), turn);
        if let Some(members) = body.as_object_mut() {
            members.remove("NextToken");
        }
        body
    }

    fn most(&self, name: &str, turn: usize) -> Value {
        let shape = self.shape(name);
        match shape["type"].as_str().unwrap() {
            "structure" => {
                let members: Vec<_> = self.members(shape).collect();
                let chosen = match shape["union"] == true {
                    true => &members[turn % members.len()..][..1],
                    false => &members[..],
                };
                let member = |(member, target, _): &(&str, &str, &Value)| {
                    let value = match *member {
                        "Catalog" => "Sandbox".into(),
                        _ => self.most(target, turn),
                    };
                    ((*member).to_owned(), value)
                };
                Value::Object(chosen.iter().map(member).collect())
            }
            "list" => {
                let count = usize::try_from(shape["max"].as_u64().unwrap_or(3)).unwrap();
                let item = shape["member"].as_str().unwrap();
                Value::Array((0..count).map(|at| self.most(item, turn + at)).collect())
            }
            "string" => match self.values(name) {
                Some(values) => values[turn % values.len()].into(),
                None => self.texts(name).longest.as_str().into(),
            },
            "integer" => shape["max"].as_i64().unwrap_or(i64::from(i32::MAX)).into(),
            "timestamp" => "2026-11-21T08:49:04.546123789+00:00".into(),
            other => panic!("teach this test the type {other} of {name}"),
        }
    }

    /// One request for every constraint of every member that a request of this operation can carry, on both of its sides.
    pub fn cases(&self, operation: &str) -> Vec<Case> {
        let mut cases = Vec::new();
        let input = self.input(operation);
        self.walk(input, "", &|value| value, &mut Vec::new(), &mut cases);
        cases
    }

    fn walk(&self, name: &str, path: &str, wrap: Wrap<'_>, above: &mut Vec<String>, cases: &mut Vec<Case>) {
        assert!(!above.iter().any(|shape| shape == name), "{name} holds itself");
        above.push(name.to_owned());
        let shape = self.shape(name);
        let mut case = |what: &str, value: Value, expected: Expected| {
            cases.push(Case {
                name: format!("{path} ({name}): {what}"),
                body: wrap(value),
                expected,
            });
        };
        let violation = |code| Expected::Violation(path.to_owned(), code);
        let kind = shape["type"].as_str().unwrap();
        for (what, value) in wrong_types(kind) {
            case(what, value, Expected::WrongType);
        }
        match kind {
            "structure" if shape["union"] == true => {
                case("a union without a member", json!({}), violation("INVALID_VALUE"));
                let members: Vec<_> = self.members(shape).collect();
                if let [(one, first, _), (two, second, _), ..] = members[..] {
                    let both = json!({ one: self.least(first), two: self.least(second) });
                    case("a union with two members", both, violation("INVALID_VALUE"));
                    let null = json!({ one: self.least(first), two: null });
                    case("a union with one member and a null", null, Expected::Taken);
                }
                for (member, target, _) in members {
                    let wrap = |value: Value| wrap(json!({ member: value }));
                    self.walk(target, &below(path, member), &wrap, above, cases);
                }
            }
            "structure" => {
                let least = self.least(name);
                case(
                    "what the model does not know",
                    with(&least, "NotInTheModel", json!([1])),
                    Expected::Taken,
                );
                for (member, target, facts) in self.members(shape) {
                    let mut case = |what: &str, body: Value, expected: Expected| {
                        cases.push(Case {
                            name: format!("{} ({target}): {what}", below(path, member)),
                            body: wrap(body),
                            expected,
                        });
                    };
                    if facts["required"] == true {
                        let missing = || Expected::Violation(below(path, member), "REQUIRED_FIELD_MISSING");
                        case("required, left out", without(&least, member), missing());
                        case("required, null", with(&least, member, Value::Null), missing());
                    } else {
                        case(
                            "optional, null",
                            with(&least, member, Value::Null),
                            Expected::Taken,
                        );
                    }
                    let wrap = |value: Value| wrap(with(&least, member, value));
                    self.walk(target, &below(path, member), &wrap, above, cases);
                }
            }
            "list" => {
                let item = shape["member"].as_str().unwrap();
                let least = self.least(item);
                let of = |count: u64| Value::Array(vec![least.clone(); usize::try_from(count).unwrap()]);
                let min = shape["min"].as_u64().unwrap_or(0);
                case("the fewest values", of(min), Expected::Taken);
                if min > 0 {
                    case("too few values", of(min - 1), violation("NOT_ENOUGH_VALUES"));
                    let null = Value::Array(vec![Value::Null]);
                    case("nothing but null", null, violation("NOT_ENOUGH_VALUES"));
                }
                if let Some(max) = shape["max"].as_u64() {
                    case("the most values", of(max), Expected::Taken);
                    case("too many values", of(max + 1), violation("TOO_MANY_VALUES"));
                }
                let rest = usize::try_from(min.saturating_sub(1)).unwrap();
                let wrap = |value: Value| {
                    let mut list = vec![value];
                    list.extend(vec![least.clone(); rest]);
                    wrap(Value::Array(list))
                };
                self.walk(item, path, &wrap, above, cases);
            }
            "string" => match self.values(name) {
                Some(values) => {
                    for value in values {
                        case(value, value.into(), Expected::Taken);
                    }
                    let foreign = ["", "Not A Value", "not a value"];
                    for value in foreign.into_iter().chain(self.refused_values(name)) {
                        case(value, value.into(), violation("INVALID_ENUM_VALUE"));
                    }
                }
                None => {
                    let texts = self.texts(name);
                    case(
                        "the shortest text",
                        texts.shortest.as_str().into(),
                        Expected::Taken,
                    );
                    case("the longest text", texts.longest.as_str().into(), Expected::Taken);
                    for text in &texts.unfit {
                        let start: String = text.chars().take(24).collect();
                        let what = format!("{start:?}, {} characters", text.chars().count());
                        case(&what, text.as_str().into(), violation("INVALID_STRING_FORMAT"));
                    }
                }
            },
            "integer" => {
                for (bound, past) in [("min", -1), ("max", 1)] {
                    if let Some(value) = shape[bound].as_i64() {
                        case(bound, value.into(), Expected::Taken);
                        let outside = (value + past).into();
                        case(&format!("past {bound}"), outside, violation("VALUE_OUT_OF_RANGE"));
                    }
                }
            }
            "timestamp" => {
                for text in [
                    "2026-11-21T08:49:04Z",
                    "2026-11-21T08:49:04.546000Z",
                    "2026-11-21T08:49:04.546123789Z",
                    "2026-11-21 08:49:04.546+00:00",
                ] {
                    case(text, text.into(), Expected::Taken);
                }
                case("seconds", json!(1_763_714_944), Expected::Taken);
                case(
                    "seconds with a fraction",
                    json!(1_763_714_944.546),
                    Expected::Taken,
                );
                case("no time at all", "yesterday".into(), Expected::WrongType);
            }
            other => panic!("teach this test the type {other} of {name}"),
        }
        above.pop();
    }
}

fn wrong_types(kind: &str) -> Vec<(&'static str, Value)> {
    let of = |what, value| (what, value);
    match kind {
        "structure" => vec![
            of("a text for a structure", "x".into()),
            of("a list for a structure", json!([{}])),
        ],
        "list" => vec![
            of("a text for a list", "x".into()),
            of("a structure for a list", json!({})),
        ],
        "string" => vec![
            of("a number for a text", 7.into()),
            of("a list for a text", json!(["x"])),
        ],
        "integer" => vec![
            of("a text for a number", "7".into()),
            of("a fraction for a number", json!(7.5)),
        ],
        "timestamp" => vec![
            of("a truth for a time", true.into()),
            of("a structure for a time", json!({})),
        ],
        other => panic!("teach this test the type {other}"),
    }
}

fn with(body: &Value, member: &str, value: Value) -> Value {
    let mut body = body.clone();
    body[member] = value;
    body
}

fn without(body: &Value, member: &str) -> Value {
    let mut members: Map<String, Value> = body.as_object().unwrap().clone();
    members.remove(member);
    Value::Object(members)
}

/// Field names are dotted, each part beginning in lower case, without a number for list items.
fn below(path: &str, member: &str) -> String {
    let mut letters = member.chars();
    let first = letters.next().unwrap().to_ascii_lowercase();
    let name = format!("{first}{}", letters.as_str());
    if path.is_empty() {
        name
    } else {
        format!("{path}.{name}")
    }
}
