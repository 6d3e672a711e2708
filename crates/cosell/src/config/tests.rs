//! Where values come from, and what is said about wrong ones.

use super::*;

fn read(flags: &Flags, variables: &[(&str, &str)]) -> anyhow::Result<Config> {
    Config::layered(flags, Mode::Serve, |name| {
        variables
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| (*value).to_owned())
    })
}

#[test]
fn a_flag_wins_over_the_environment_and_that_over_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("c.toml");
    std::fs::write(&file, "listen = \"127.0.0.1:1\"\nbody-limit = 10\nthreads = 3\n").unwrap();
    let flags = Flags {
        config: Some(file),
        listen: Some("127.0.0.1:3".into()),
        ..Flags::default()
    };
    let config = read(
        &flags,
        &[("COSELL_LISTEN", "127.0.0.1:2"), ("COSELL_BODY_LIMIT", "20")],
    )
    .unwrap();
    assert_eq!(config.text("listen"), "127.0.0.1:3");
    assert_eq!(config.text("body-limit"), "20");
    assert_eq!(config.number("threads", 0, 64).unwrap(), 3);
    let rows = config.rows();
    let (_, listen, _) = rows.iter().find(|(name, ..)| *name == "listen").unwrap();
    assert_eq!(listen.origin, "flag --listen");
}

#[test]
fn a_stores_password_is_neither_shown_nor_complained_of() {
    let url = "postgres://me:secret@a/db";
    let config = read(&Flags::default(), &[("COSELL_STORE", url)]).unwrap();
    assert_eq!(config.store(), Some(url));
    let rows = config.rows();
    let (_, store, _) = rows.iter().find(|(name, ..)| *name == "store").unwrap();
    assert_eq!(store.value, "postgres://me@a:5432/db");
    assert!(!config.wrong("store", "another").to_string().contains("secret"));
    assert_eq!(read(&Flags::default(), &[]).unwrap().store(), None);
}

#[test]
fn replicas_need_a_database_and_their_password_is_shown_nowhere() {
    let replicas = ("COSELL_READ_STORE", "postgres://me:secret@b,c/db");
    let config = read(
        &Flags::default(),
        &[("COSELL_STORE", "postgres://a/db"), replicas],
    )
    .unwrap();
    assert_eq!(config.read_store().unwrap(), Some(replicas.1));
    let rows = config.rows();
    let (_, shown, _) = rows.iter().find(|(name, ..)| *name == "read-store").unwrap();
    assert_eq!(shown.value, "postgres://me@b:5432,c:5432/db");
    let alone = read(&Flags::default(), &[replicas]).unwrap();
    let refusal = alone.read_store().unwrap_err().to_string();
    assert!(
        refusal.contains("COSELL_READ_STORE") && !refusal.contains("secret"),
        "{refusal}"
    );
    assert_eq!(read(&Flags::default(), &[]).unwrap().read_store().unwrap(), None);
}

#[test]
fn connections_to_the_database_are_as_many_as_the_store_has_by_default_and_bounded() {
    let count = |text: &str| {
        let config = read(&Flags::default(), &[("COSELL_STORE_CONNECTIONS", text)]).unwrap();
        config.store_connections().ok()
    };
    for (text, expected) in [
        ("2", Some(2)),
        ("500", Some(500)),
        ("1", None),
        ("501", None),
        ("", None),
    ] {
        assert_eq!(count(text), expected, "{text}");
    }
    let default = read(&Flags::default(), &[]).unwrap().store_connections().unwrap();
    assert_eq!(default, cosell_store_postgres::Options::default().connections);
}

#[test]
fn seconds_are_read_to_the_millisecond_and_bounded() {
    let seconds = |text: &str| {
        let config = read(&Flags::default(), &[("COSELL_TASK_DELAY", text)]).unwrap();
        config.seconds("task-delay", 60).ok()
    };
    let read = [
        ("0", 0),
        ("2", 2000),
        ("1.5", 1500),
        ("0.05", 50),
        ("0.007", 7),
        ("60", 60_000),
    ];
    for (text, millis) in read {
        assert_eq!(seconds(text), Some(millis), "{text}");
    }
    for text in [
        "",
        "-1",
        "61",
        "60.001",
        "1.2345",
        "1.",
        ".5",
        "2s",
        "1e3",
        "99999999999999999999",
    ] {
        assert_eq!(seconds(text), None, "{text}");
    }
}

#[test]
fn a_wrong_value_names_where_it_was_set() {
    let config = read(&Flags::default(), &[("COSELL_BODY_LIMIT", "much")]).unwrap();
    let error = config
        .number("body-limit", 1024, 1 << 30)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("COSELL_BODY_LIMIT") && error.contains("much") && error.contains("1024"),
        "{error}"
    );
}

#[test]
fn an_unknown_setting_in_the_file_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("c.toml");
    std::fs::write(&file, "lisen = \"127.0.0.1:1\"\n").unwrap();
    let error = read(
        &Flags {
            config: Some(file),
            ..Flags::default()
        },
        &[],
    )
    .unwrap_err()
    .to_string();
    assert!(error.contains("lisen") && error.contains("listen"), "{error}");
}

#[test]
fn every_flag_has_a_setting_and_the_other_way_round() {
    let flags = Flags::default();
    let given: Vec<&str> = flags.given().iter().map(|(name, _)| *name).collect();
    let settings: Vec<&str> = SETTINGS.iter().map(|setting| setting.name).collect();
    assert_eq!(given, settings);
}

#[test]
fn one_seed_is_everythings_unless_something_has_its_own() {
    let seeds = |flags: Flags, variables: &[(&str, &str)]| {
        let config = read(&flags, variables).unwrap();
        let own = ["prospecting-seed", "fault-seed"].map(|name| config.seed(name).unwrap());
        (config.random_seed().unwrap(), own)
    };
    assert_eq!(seeds(Flags::default(), &[]), (None, [0, 0]));
    let all = Flags {
        random_seed: Some("7".into()),
        ..Flags::default()
    };
    assert_eq!(seeds(all.clone(), &[]), (Some(7), [7, 7]));
    // Also where its own is what the default would be.
    assert_eq!(seeds(all, &[("COSELL_FAULT_SEED", "0")]), (Some(7), [7, 0]));
    for wrong in ["-1", "seven", "18446744073709551616"] {
        let config = read(&Flags::default(), &[("COSELL_RANDOM_SEED", wrong)]).unwrap();
        let error = config.random_seed().unwrap_err().to_string();
        assert!(error.contains(wrong) && error.contains("whole number"), "{error}");
    }
}
