//! A state comes back as it was, or not at all.

use super::*;

#[tokio::test]
async fn a_state_comes_back_and_a_server_forgets_what_it_knew_before() {
    let world = world().await;
    world.service.seed_story(&by(), &starter()).await.unwrap();
    let before = saved(&world).await;
    let sealer = Sealer::new([1; 32]);
    let forgotten = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = Arc::clone(&forgotten);
    world.service.when_forgetting(move || {
        count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    });
    let erased = world
        .service
        .reset_state(&by(), None, Some(Catalog::Sandbox))
        .await
        .unwrap();
    assert!(erased.records > 100);
    assert!(opportunities(&world, ONE).await.is_empty());
    let draft = json!({"ClientToken": "x", "Customer": {"Account": {"CompanyName": "New"}}});
    let made = world
        .call(ONE, Op::CreateOpportunity, draft.clone())
        .await
        .unwrap();

    let mut file = tempfile(&before);
    let loaded = world
        .service
        .load_state(&by(), &sealer, &mut file, silent())
        .await
        .unwrap();
    assert_eq!(loaded.records["opportunity"], 40);
    assert_eq!(forgotten.load(std::sync::atomic::Ordering::SeqCst), 2);
    assert_eq!(opportunities(&world, ONE).await.len(), 34);
    // The number that was given in the meantime is given again: the sequence came back too.
    let again = Box::pin(world.call(ONE, Op::CreateOpportunity, draft))
        .await
        .unwrap();
    assert_eq!(again["Id"], made["Id"]);
    assert_eq!(opportunities(&world, ONE).await.len(), 35);

    // Everything but the audit log, where the load stands, is as it was.
    let mut file = tempfile(&before);
    world
        .service
        .load_state(&by(), &sealer, &mut file, silent())
        .await
        .unwrap();
    let without_log = |bytes: &[u8]| -> Vec<String> {
        let text = std::str::from_utf8(bytes).unwrap();
        let lines = text.lines().filter(|line| !line.contains("LoadState"));
        let mut lines: Vec<String> = lines.map(str::to_owned).collect();
        lines.pop();
        lines
    };
    let after = saved(&world).await;
    assert!(after != before);
    assert!(without_log(&after) == without_log(&before));
}

#[tokio::test]
async fn a_damaged_state_is_refused_and_nothing_has_changed() {
    let world = world().await;
    world.service.seed_story(&by(), &starter()).await.unwrap();
    let good = saved(&world).await;
    let text = String::from_utf8(good.clone()).unwrap();
    let half = good[..good.len() / 2].to_vec();
    let changed = text.replacen("Larkspur", "Larkspor", 1).into_bytes();
    let newer = text.replacen("\"version\":2", "\"version\":3", 1).into_bytes();
    let longer = [&good[..], b"{}\n"].concat();
    let sealer = Sealer::new([1; 32]);
    for (bytes, word) in [
        (half, "cut off"),
        (changed, "checksum"),
        (newer, "newer cosell"),
        (longer, "goes on"),
        (b"{}".to_vec(), "not a cosell state"),
        (Vec::new(), "not a cosell state"),
    ] {
        let mut file = tempfile(&bytes);
        let refused = world
            .service
            .load_state(&by(), &sealer, &mut file, silent())
            .await;
        let error = refused.unwrap_err().to_string();
        assert!(error.contains(word), "{word}: {error}");
        assert!(saved(&world).await == good, "{word}");
    }
}

#[tokio::test]
async fn keys_of_another_folder_are_left_out_and_own_ones_and_tokens_stay() {
    let key = |sealer: &Sealer, id: &str| {
        crate::identity::keys::write(sealer, ONE, id.to_owned(), "secret", second(0))
            .unwrap()
            .1
    };
    let token = |id: &str| {
        cosell_store::Write::Insert(Record {
            key: cosell_store::Key::global(Kind::OperatorToken, id),
            version: 1,
            document: "{}".into(),
            summary: "{}".into(),
            private: "\"hash\"".into(),
            columns: Vec::new(),
        })
    };
    let (here, there) = (Sealer::new([1; 32]), Sealer::new([2; 32]));
    let (target, source) = (world().await, world().await);
    target
        .write(vec![key(&here, "AKIABOTH"), key(&here, "AKIAGONE"), token("own")])
        .await;
    source
        .write(vec![
            key(&there, "AKIABOTH"),
            key(&there, "AKIATHERE"),
            key(&here, "AKIAMOVED"),
            token("theirs"),
        ])
        .await;
    let state = saved(&source).await;
    assert!(!std::str::from_utf8(&state).unwrap().contains("theirs"));
    let mut file = tempfile(&state);
    let loaded = target.service.load_state(&by(), &here, &mut file, silent()).await;
    let loaded = loaded.unwrap();
    assert_eq!(loaded.keys_left_out, ["AKIATHERE"]);
    assert_eq!(loaded.keys_kept, ["AKIABOTH"]);
    let keyring = crate::identity::Keyring::new(Arc::clone(&target.store), here.clone());
    for (id, there) in [
        ("AKIABOTH", true),
        ("AKIAMOVED", true),
        ("AKIATHERE", false),
        ("AKIAGONE", false),
    ] {
        assert_eq!(keyring.find(id).await.unwrap().is_some(), there, "{id}");
    }
    crate::identity::keys::expect_sealer(&*target.store, &here)
        .await
        .unwrap();
    for (id, there) in [("own", true), ("theirs", false)] {
        let key = cosell_store::Key::global(Kind::OperatorToken, id);
        assert_eq!(target.store.get(&key).await.unwrap().is_some(), there, "{id}");
    }
}

#[tokio::test]
async fn a_token_or_key_that_is_revoked_while_a_state_is_loaded_stays_revoked() {
    let (here, there) = (Sealer::new([1; 32]), Sealer::new([2; 32]));
    let write = |sealer: &Sealer| {
        crate::identity::keys::write(sealer, ONE, "AKIABOTH".to_owned(), "secret", second(0))
            .unwrap()
            .1
    };
    let token = |version: u64, document: &'static str| Record {
        key: cosell_store::Key::global(Kind::OperatorToken, "own"),
        version,
        document: document.into(),
        summary: document.into(),
        private: "\"hash\"".into(),
        columns: Vec::new(),
    };
    let source = world().await;
    source.write(vec![write(&there)]).await;
    let state = saved(&source).await;
    for revokes_key in [true, false] {
        let target = world().await;
        let held = cosell_store::Write::Insert(token(1, "{}"));
        target.write(vec![write(&here), held]).await;
        let gate = Arc::new(Gated::new(Arc::clone(&target.store)));
        let slow = World::over(
            Arc::clone(&gate) as Arc<dyn Store>,
            Arc::new(Still),
            Settings::default(),
        );
        let mut file = tempfile(&state);
        let by = by();
        let load = slow.service.load_state(&by, &here, &mut file, silent());
        let revoke = async {
            if revokes_key {
                let author = crate::audit::Author::command();
                crate::identity::keys::revoke(&*target.store, &author, "AKIABOTH", second(1))
                    .await
                    .unwrap();
            } else {
                let record = token(2, "{\"revoked\":true}");
                let revoked = cosell_store::Write::Replace { record, expected: 1 };
                target.write(vec![revoked]).await;
            }
        };
        let (loaded, ()) = gate.overtaken(load, revoke).await;
        assert_eq!(loaded.unwrap().keys_kept, ["AKIABOTH"]);
        let keyring = crate::identity::Keyring::new(Arc::clone(&target.store), here.clone());
        let usable = keyring.find("AKIABOTH").await.unwrap().is_some();
        assert_eq!(usable, !revokes_key);
        let key = cosell_store::Key::global(Kind::OperatorToken, "own");
        let own = target.store.get(&key).await.unwrap().unwrap();
        assert_eq!(own.version, if revokes_key { 1 } else { 2 });
    }
}

#[tokio::test]
async fn a_state_that_says_something_twice_is_refused_in_words_for_people() {
    let world = world().await;
    let good = saved(&world).await;
    let reader = StateReader::new(&good[..]).unwrap();
    let mut items: Vec<ExportItem> = reader.map(Result::unwrap).collect();
    items.push(items[0].clone());
    let mut writer = StateWriter::new(Vec::new(), second(0)).unwrap();
    for item in &items {
        writer.item(item).unwrap();
    }
    let (twice, _) = writer.finish().unwrap();
    let mut file = tempfile(&twice);
    let sealer = Sealer::new([1; 32]);
    let refused = world
        .service
        .load_state(&by(), &sealer, &mut file, silent())
        .await
        .unwrap_err();
    let LoadError::Refused(words) = refused else {
        panic!("{refused:?}");
    };
    assert!(
        words.contains("comes twice") && !words.contains("contract"),
        "{words}"
    );
    assert!(saved(&world).await == good);
}

fn tempfile(bytes: &[u8]) -> std::fs::File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file
}
