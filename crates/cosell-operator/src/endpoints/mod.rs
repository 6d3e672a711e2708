//! The table of endpoints: one file per resource, in the order in which the document shows them. A new resource is a file
//! with a list of endpoints and a line in [`RESOURCES`].

mod accounts;
mod audit;
mod autopilot;
mod aws_opportunities;
mod clock;
mod connections;
mod deals;
mod event_rules;
mod event_targets;
mod events;
mod faults;
mod invitations;
mod keys;
mod marketplace_offers;
mod metrics;
mod offers;
mod previews;
mod reviews;
mod server;
mod solutions;
mod state;
mod tokens;
mod users;

use crate::endpoint::Endpoint;

/// A group of endpoints.
pub struct Resource {
    /// Its name.
    pub name: &'static str,
    /// What it is, in a sentence.
    pub description: &'static str,
    /// Its endpoints.
    pub endpoints: &'static [Endpoint],
}

/// Every resource.
pub static RESOURCES: &[Resource] = &[
    Resource {
        name: "server",
        description: "The server itself.",
        endpoints: server::ENDPOINTS,
    },
    Resource {
        name: "reviews",
        description: "The review desk: what partners submitted and AWS has to answer.",
        endpoints: reviews::ENDPOINTS,
    },
    Resource {
        name: "aws-opportunities",
        description: "AWS's own side of opportunities, as AWS's seller keeps it.",
        endpoints: aws_opportunities::ENDPOINTS,
    },
    Resource {
        name: "referrals",
        description: "Deals that AWS refers to partners.",
        endpoints: offers::REFERRALS,
    },
    Resource {
        name: "leads",
        description: "Leads that AWS offers to partners.",
        endpoints: offers::LEADS,
    },
    Resource {
        name: "invitations",
        description: "The invitations that AWS sent or received.",
        endpoints: invitations::ENDPOINTS,
    },
    Resource {
        name: "opportunities",
        description: "The opportunities of all partners.",
        endpoints: deals::ENDPOINTS,
    },
    Resource {
        name: "previews",
        description: "How a partner's request would be answered.",
        endpoints: previews::ENDPOINTS,
    },
    Resource {
        name: "audit",
        description: "Who did what, and what it changed.",
        endpoints: audit::ENDPOINTS,
    },
    Resource {
        name: "accounts",
        description: "Partner accounts.",
        endpoints: accounts::ENDPOINTS,
    },
    Resource {
        name: "users",
        description: "The people of a partner to whom opportunities can be assigned.",
        endpoints: users::ENDPOINTS,
    },
    Resource {
        name: "keys",
        description: "Access keys, with which partners sign their requests.",
        endpoints: keys::ENDPOINTS,
    },
    Resource {
        name: "solutions",
        description: "The solutions of a partner that opportunities can be associated with.",
        endpoints: solutions::ENDPOINTS,
    },
    Resource {
        name: "marketplace offers",
        description: "The AWS Marketplace offers of a partner that opportunities can be associated with.",
        endpoints: marketplace_offers::ENDPOINTS,
    },
    Resource {
        name: "connections",
        description: "Which partners are connected with each other.",
        endpoints: connections::ENDPOINTS,
    },
    Resource {
        name: "events",
        description: "What partners are told: the log of events, and what became of each.",
        endpoints: events::ENDPOINTS,
    },
    Resource {
        name: "event targets",
        description: "Where events are delivered to, and how that goes.",
        endpoints: event_targets::ENDPOINTS,
    },
    Resource {
        name: "event rules",
        description: "Which events go to which targets.",
        endpoints: event_rules::ENDPOINTS,
    },
    Resource {
        name: "metrics",
        description: "Figures for Prometheus.",
        endpoints: metrics::ENDPOINTS,
    },
    Resource {
        name: "autopilot",
        description: "AWS played by scripts: what happens to deals when, without anyone at the review desk.",
        endpoints: autopilot::ENDPOINTS,
    },
    Resource {
        name: "clock",
        description: "The clock of a development server, which can be moved.",
        endpoints: clock::ENDPOINTS,
    },
    Resource {
        name: "faults",
        description: "Faults on demand, to try clients against.",
        endpoints: faults::ENDPOINTS,
    },
    Resource {
        name: "tokens",
        description: "The tokens of this API.",
        endpoints: tokens::ENDPOINTS,
    },
    Resource {
        name: "state",
        description: "Everything the server keeps: saved, loaded, reset, filled with examples.",
        endpoints: state::ENDPOINTS,
    },
];

/// Every endpoint.
pub fn all() -> impl Iterator<Item = &'static Endpoint> {
    RESOURCES.iter().flat_map(|resource| resource.endpoints)
}

/// The name of an endpoint's resource.
pub(crate) fn resource_of(endpoint: &Endpoint) -> &'static str {
    let of = |resource: &&Resource| resource.endpoints.iter().any(|known| known.id == endpoint.id);
    RESOURCES.iter().find(of).map_or("", |resource| resource.name)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::endpoint::{Method, Place};

    #[test]
    fn no_two_endpoints_share_a_name_or_a_place() {
        let mut seen = HashSet::new();
        for endpoint in all() {
            assert!(seen.insert(endpoint.id.to_owned()), "{}", endpoint.id);
            assert!(
                seen.insert(format!("{} {}", endpoint.method.name(), endpoint.path)),
                "{}",
                endpoint.id
            );
        }
    }

    #[test]
    fn every_endpoint_is_described_and_its_path_and_parameters_agree() {
        for endpoint in all() {
            let id = endpoint.id;
            assert!(
                !endpoint.summary.is_empty() && !endpoint.summary.ends_with('.'),
                "{id}: summary"
            );
            assert!(endpoint.description.ends_with('.'), "{id}: description");
            assert!(
                endpoint.path.starts_with('/') && !endpoint.path.ends_with('/'),
                "{id}: path"
            );
            let in_path: Vec<&str> = endpoint
                .path
                .split('/')
                .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
                .collect();
            let declared: Vec<&str> = endpoint
                .parameters
                .iter()
                .filter(|parameter| parameter.place == Place::Path)
                .map(|parameter| parameter.name)
                .collect();
            assert_eq!(in_path, declared, "{id}: path parameters, in their order");
            let names: HashSet<&str> = endpoint
                .parameters
                .iter()
                .map(|parameter| parameter.name)
                .collect();
            assert_eq!(names.len(), endpoint.parameters.len(), "{id}: a parameter twice");
            assert!(
                endpoint
                    .parameters
                    .iter()
                    .all(|parameter| parameter.meaning.ends_with('.')),
                "{id}"
            );
            assert_eq!(
                names.contains("limit"),
                names.contains("cursor"),
                "{id}: pages take both"
            );
        }
    }

    #[test]
    fn what_only_reads_takes_no_body_and_what_changes_something_takes_more_than_the_scope_read() {
        for endpoint in all() {
            let id = endpoint.id;
            match endpoint.method {
                Method::Get => assert!(endpoint.request.is_none() && endpoint.status == 200, "{id}"),
                Method::Delete => assert!(endpoint.request.is_none(), "{id}"),
                _ => {}
            }
            // A POST that only asks, such as a preview, may be named here.
            let asks_only: &[&str] = &["previewRequest", "explainAutopilot", "testEventRule"];
            if endpoint.method != Method::Get && !asks_only.contains(&id) {
                assert!(endpoint.scope > crate::Scope::Read, "{id}");
            }
            assert_eq!(
                endpoint.answer.is_none(),
                endpoint.status == 204,
                "{id}: 204 is the answer without a body"
            );
        }
    }
}
