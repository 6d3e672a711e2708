//! From method and path to an endpoint, by the table.

use crate::endpoint::{Endpoint, JSON_MEDIA_TYPE, Method, media_type};
use crate::percent;

/// The paths of a table, taken apart once.
pub(crate) struct Routes(Vec<Route>);

struct Route {
    segments: Vec<Segment>,
    endpoint: &'static Endpoint,
    media: Media,
}

/// The media types of an endpoint's bodies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Media {
    /// Of the request; `None` where it takes no body.
    pub(crate) request: Option<&'static str>,
    /// Of the answer.
    pub(crate) answer: &'static str,
}

enum Segment {
    Word(&'static str),
    Parameter(&'static str),
}

/// What was found at a path.
pub(crate) enum Found {
    /// An endpoint, and the values in its path.
    Endpoint(&'static Endpoint, Media, Vec<(&'static str, String)>),
    /// The path is there, but not with this method; these are.
    Other(Vec<Method>),
    /// There is no such path.
    Nothing,
}

impl Routes {
    /// Takes the paths apart.
    pub(crate) fn new(table: impl Iterator<Item = &'static Endpoint>) -> Self {
        let route = |endpoint: &'static Endpoint| Route {
            segments: endpoint.path[1..].split('/').map(Segment::of).collect(),
            endpoint,
            media: Media {
                request: endpoint.request.map(media_type),
                answer: endpoint.answer.map_or(JSON_MEDIA_TYPE, media_type),
            },
        };
        Self(table.map(route).collect())
    }

    /// Finds what `method` does at `path`, which is the path beneath the base. Where a word and a parameter both fit, the
    /// word is meant.
    pub(crate) fn find(&self, method: &http::Method, path: &str) -> Found {
        let Some(parts) = parts(path) else {
            return Found::Nothing;
        };
        let fitting: Vec<&Route> = self.0.iter().filter(|route| route.fits(&parts)).collect();
        let most = fitting
            .iter()
            .map(|route| route.words())
            .max()
            .unwrap_or_default();
        let mut others = Vec::new();
        for route in fitting.into_iter().filter(|route| route.words() == most) {
            if route.endpoint.method.name() == method.as_str() {
                return Found::Endpoint(route.endpoint, route.media, route.values(parts));
            }
            others.push(route.endpoint.method);
        }
        if others.is_empty() {
            Found::Nothing
        } else {
            others.sort_unstable();
            Found::Other(others)
        }
    }
}

/// The decoded segments of a path; `None` where one is empty, climbs, or hides a separator or a control character.
fn parts(path: &str) -> Option<Vec<String>> {
    let decode = |part: &str| {
        let part = percent::decode(part, false)?;
        let strange = part.is_empty()
            || part == "."
            || part == ".."
            || part.contains(|letter: char| matches!(letter, '/' | '\\') || letter.is_control());
        (!strange).then_some(part)
    };
    path.strip_prefix('/')?.split('/').map(decode).collect()
}

impl Segment {
    fn of(text: &'static str) -> Self {
        match text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) {
            Some(name) => Self::Parameter(name),
            None => Self::Word(text),
        }
    }
}

impl Route {
    fn fits(&self, parts: &[String]) -> bool {
        self.segments.len() == parts.len()
            && self
                .segments
                .iter()
                .zip(parts)
                .all(|(segment, part)| match segment {
                    Segment::Word(word) => word == part,
                    Segment::Parameter(_) => true,
                })
    }

    fn words(&self) -> usize {
        self.segments
            .iter()
            .filter(|segment| matches!(segment, Segment::Word(_)))
            .count()
    }

    fn values(&self, parts: Vec<String>) -> Vec<(&'static str, String)> {
        let pair = |(segment, part): (&Segment, String)| match segment {
            Segment::Word(_) => None,
            Segment::Parameter(name) => Some((*name, part)),
        };
        self.segments.iter().zip(parts).filter_map(pair).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(method: http::Method, path: &str) -> Found {
        Routes::new(crate::endpoints::all()).find(&method, path)
    }

    #[test]
    fn a_path_leads_to_its_endpoint_with_the_values_in_it() {
        let Found::Endpoint(endpoint, media, values) =
            found(http::Method::GET, "/accounts/111122223333/users")
        else {
            panic!("nothing found");
        };
        assert_eq!(endpoint.id, "listUsers");
        assert_eq!((media.request, media.answer), (None, JSON_MEDIA_TYPE));
        assert_eq!(values, [("account", "111122223333".to_owned())]);
    }

    #[test]
    fn another_method_is_told_which_ones_there_are() {
        let Found::Other(methods) = found(http::Method::PUT, "/tokens") else {
            panic!("should be refused");
        };
        assert_eq!(methods, [Method::Get, Method::Post]);
    }

    #[test]
    fn no_path_climbs_out_or_hides_a_separator() {
        for path in [
            "",
            "/",
            "//",
            "/accounts/",
            "/accounts//users",
            "/accounts/../status",
            "/accounts/%2e%2e/users",
            "/accounts/a%2Fb",
            "/accounts/a%5Cb",
            "/accounts/a%00",
            "/accounts/%zz",
            "/nothing",
            "/Status",
        ] {
            assert!(matches!(found(http::Method::GET, path), Found::Nothing), "{path}");
        }
    }
}
