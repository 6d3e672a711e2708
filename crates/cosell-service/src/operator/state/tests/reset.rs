//! What a reset takes, and what it leaves.

use super::*;

#[tokio::test]
async fn a_reset_of_one_account_and_catalog_leaves_the_others_and_its_solutions() {
    let world = world().await;
    for catalog in Catalog::ALL {
        for account in [ONE, TWO] {
            let wanted = Large {
                account: account.to_owned(),
                catalog,
                count: 20,
                seed: 0,
            };
            world.service.seed_large(&by(), &wanted, silent()).await.unwrap();
        }
    }
    let erased = world
        .service
        .reset_state(&by(), Some(ONE), Some(Catalog::Sandbox))
        .await
        .unwrap();
    assert!(erased.records >= 20, "{erased:?}");
    for (account, catalog, left) in [
        (ONE, "Sandbox", 0),
        (ONE, "AWS", 20),
        (TWO, "Sandbox", 20),
        (TWO, "AWS", 20),
    ] {
        let body = json!({"Catalog": catalog});
        let rows = world
            .pages(account, Op::ListOpportunities, "OpportunitySummaries", body, 50)
            .await;
        assert_eq!(rows.len(), left, "{account} {catalog}");
    }
    let solutions = world
        .pages(ONE, Op::ListSolutions, "SolutionSummaries", json!({}), 10)
        .await;
    assert_eq!(solutions.len(), 1);
    let unknown = world.service.reset_state(&by(), Some(STRANGER), None).await;
    assert!(unknown.is_err());
}
