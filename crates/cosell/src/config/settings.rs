//! What can be configured: names, defaults and meanings. Nothing here reads a value.

/// One thing that can be configured.
pub(super) struct Setting {
    /// Its key in the file.
    pub(super) name: &'static str,
    /// Its value where nobody has set it.
    pub(super) default: &'static str,
    /// What it is, for people.
    pub(super) meaning: &'static str,
}

/// Everything that can be configured, in the order in which it is shown. The environment variable is `COSELL_` and the
/// name in capitals with underscores; the key in the file is the name.
pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        name: "data",
        default: "./.cosell",
        meaning: "the data folder",
    },
    Setting {
        name: "store",
        default: "",
        meaning: "where everything but the key file is kept: empty: in the data folder; or a PostgreSQL database as postgres://user:password@host/database",
    },
    Setting {
        name: "read-store",
        default: "",
        meaning: "streaming replicas of that database from which lists are read, as fresh as its own, as postgres://user:password@host1,host2/database; empty: none",
    },
    Setting {
        name: "store-connections",
        default: "8",
        meaning: "connections to that database, and to each of its replicas, that requests share; each server has two or three more for itself",
    },
    Setting {
        name: "listen",
        default: "127.0.0.1:7733",
        meaning: "address and port of the API",
    },
    Setting {
        name: "operator-listen",
        default: "",
        meaning: "address and port of the operator API alone; empty: under /operator/v1 of the API's own",
    },
    Setting {
        name: "tls-cert",
        default: "",
        meaning: "PEM file with the certificate chain; empty: plain HTTP",
    },
    Setting {
        name: "tls-key",
        default: "",
        meaning: "PEM file with the certificate's private key",
    },
    Setting {
        name: "region",
        default: "",
        meaning: "the only region a signature may name, and the one in ARNs; empty: any, and us-east-1",
    },
    Setting {
        name: "throttle",
        default: "",
        meaning: "aws: the published quotas per account and operation; off: none",
    },
    Setting {
        name: "cors-origins",
        default: "",
        meaning: "origins of web pages that may call the API, separated by commas",
    },
    Setting {
        name: "body-limit",
        default: "1048576",
        meaning: "largest request body in bytes",
    },
    Setting {
        name: "max-connections",
        default: "4096",
        meaning: "connections served at the same time",
    },
    Setting {
        name: "header-timeout",
        default: "60",
        meaning: "seconds a client may take to send its headers, and a connection may lie idle",
    },
    Setting {
        name: "body-timeout",
        default: "30",
        meaning: "seconds a client may take to send its body",
    },
    Setting {
        name: "shutdown-timeout",
        default: "20",
        meaning: "seconds that requests under way are given at a stop",
    },
    Setting {
        name: "threads",
        default: "0",
        meaning: "threads that serve connections; 0: one per processor",
    },
    Setting {
        name: "sandbox-review-status-orphan",
        default: "on",
        meaning: "on: leaving ReviewStatus out of a sandbox update nulls it, as AWS does",
    },
    Setting {
        name: "estimate-amount",
        default: "1000",
        meaning: "monthly amount taken for an estimation URL that comes without one",
    },
    Setting {
        name: "audit",
        default: "on",
        meaning: "on: every deed leaves an entry in the audit log",
    },
    Setting {
        name: "audit-retention",
        default: "365",
        meaning: "days for which the audit log and former versions of records are kept; 0: for ever",
    },
    Setting {
        name: "events",
        default: "on",
        meaning: "on: partners' events are emitted; off: nothing is told, which is for measuring what events cost",
    },
    Setting {
        name: "events-realistic",
        default: "off",
        meaning: "on: events come again and out of order, as recorded from AWS; for trying consumers",
    },
    Setting {
        name: "events-retention",
        default: "30",
        meaning: "days for which events are kept, delivered or not; 0: for ever",
    },
    Setting {
        name: "events-delivery",
        default: "on",
        meaning: "on: events are delivered to the targets; off: they wait in the log, as on a copy of another server",
    },
    Setting {
        name: "events-networks",
        default: "",
        meaning: "networks besides the public Internet in which targets of events may lie, separated by commas, such as 10.1.0.0/16",
    },
    Setting {
        name: "events-files",
        default: "",
        meaning: "the folder beneath which targets of events that are files lie; empty: events in the data folder",
    },
    Setting {
        name: "connections",
        default: "open",
        meaning: "open: every two partners count as connected; required: only those registered as connected can invite each other",
    },
    Setting {
        name: "offers",
        default: "open",
        meaning: "open: any well-formed Marketplace offer can be associated; required: only registered ones",
    },
    Setting {
        name: "task-delay",
        default: "0",
        meaning: "seconds a task stays IN_PROGRESS, such as 1.5; 0: done within the first answer, as in AWS's sandbox",
    },
    Setting {
        name: "random-seed",
        default: "",
        meaning: "a number: everything random is drawn from it, identifiers too, so that a run over an empty store can be repeated; only for cosell dev",
    },
    Setting {
        name: "prospecting-seed",
        default: "0",
        meaning: "what made-up prospecting results are drawn from; the same seed gives the same results",
    },
    Setting {
        name: "fault-seed",
        default: "0",
        meaning: "what the dice of faults are thrown by; the same seed lets the same calls fail",
    },
    Setting {
        name: "log",
        default: "info",
        meaning: "what is logged: error, warn, info, debug, or a filter such as cosell=debug",
    },
    Setting {
        name: "log-format",
        default: "text",
        meaning: "text, or json for one object a line",
    },
];
