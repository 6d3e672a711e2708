//! The development server's conveniences: two accounts with the keys of AWS's documentation, users and solutions to work
//! with, and the banner that says how to connect. None of this exists in `cosell serve`.

use std::net::SocketAddr;

use anyhow::bail;
use cosell_domain::Catalog;
use cosell_domain::opportunity::assign::User;
use cosell_events::{Rule, Secrets, Target};
use cosell_model::Timestamp;
use cosell_model::enums::SolutionStatus;
use cosell_service::Service;
use cosell_service::audit::Author;
use cosell_service::delivery::{rules, targets};
use cosell_service::identity::accounts::{self, Account};
use cosell_service::identity::partner::{self, Partner};
use cosell_service::identity::solutions::NewSolution;
use cosell_service::identity::{AdminError, Sealer, keys};
use cosell_service::operator::By;
use cosell_service::operator::state::Starter;
use cosell_store::Store;
use serde_json::json;
use zeroize::Zeroizing;

use crate::delivery::EventsTo;

/// An account that every development server has.
pub struct DevAccount {
    /// The 12-digit account.
    pub id: &'static str,
    /// The name of its profile in the banner.
    pub profile: &'static str,
    company: &'static str,
    /// Of its website and of its users' e-mail addresses.
    domain: &'static str,
    /// The id of its access key.
    pub access_key_id: &'static str,
    /// The secret of its access key: AWS publishes these examples itself.
    pub secret_access_key: &'static str,
}

/// The two accounts.
pub const ACCOUNTS: [DevAccount; 2] = [
    DevAccount {
        id: "111122223333",
        profile: "cosell",
        company: "Example Partner One",
        domain: "one.example.com",
        access_key_id: "AKIAIOSFODNN7EXAMPLE",
        secret_access_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    },
    DevAccount {
        id: "444455556666",
        profile: "cosell-two",
        company: "Example Partner Two",
        domain: "two.example.com",
        access_key_id: "AKIAI44QH8DHBEXAMPLE",
        secret_access_key: "je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY",
    },
];

/// Refuses any address that other machines could reach: the keys of a development server are public.
pub fn check_address(listen: SocketAddr) -> anyhow::Result<()> {
    if !listen.ip().is_loopback() {
        bail!(
            "cosell dev listens on loopback only, since its keys are public: {listen} is refused. For real use see `cosell serve`"
        );
    }
    Ok(())
}

/// Refuses a database of others: the keys of the two accounts are public, and another server of that database may be within
/// everybody's reach.
pub async fn expect_own(store: &dyn Store) -> anyhow::Result<()> {
    let own = accounts::find(store, ACCOUNTS[0].id).await?.is_some();
    if !own && !accounts::list(store).await?.is_empty() {
        bail!(
            "this database holds accounts that cosell dev did not make, and it would add two whose keys are public: give it a \
             database of its own with --store, or none with --store \"\""
        );
    }
    Ok(())
}

/// Makes the two accounts, with keys, users and solutions, where they are missing.
pub async fn seed(store: &dyn Store, sealer: &Sealer, region: &str, now: Timestamp) -> anyhow::Result<()> {
    for account in &ACCOUNTS {
        if accounts::find(store, account.id).await?.is_none() {
            let mut partner = partner(account.id, account.company, account.domain, now);
            let (key, secret) = (account.access_key_id, account.secret_access_key);
            partner.key = Some((sealer, key.to_owned(), secret.to_owned()));
            partner::register(store, &Author::server("start"), region, partner).await?;
        }
    }
    Ok(())
}

/// Has the starter's story happen to the two accounts in the sandbox, unless it or any other has happened there already.
pub async fn fill(service: &Service) -> anyhow::Result<()> {
    let [one, two] = ACCOUNTS.map(|account| account.id.to_owned());
    let known = service
        .has_opportunities(&one, Catalog::Sandbox)
        .await
        .map_err(|error| anyhow::anyhow!("{error:?}"))?;
    if known {
        tracing::info!("account {one} has opportunities already: no examples are made");
        return Ok(());
    }
    let by = By {
        token: "cosell dev --seed".to_owned(),
        request_id: String::new(),
    };
    let wanted = Starter {
        accounts: vec![one, two],
        catalog: Catalog::Sandbox,
        document: None,
    };
    let told = Box::pin(service.seed_story(&by, &wanted)).await;
    told.map(|_| ())
        .map_err(|error| anyhow::anyhow!("{} {:?}", error.message, error.internal))
}

/// The id of the target and the name of the rule of `--events-to`.
const EVENTS_TO: &str = "events-to";

/// Has every event of every account sent where `--events-to` says, from now on; nowhere any more where it says nothing. The
/// secret with which a webhook is signed.
pub async fn send_events(
    store: &dyn Store,
    sealer: &Sealer,
    to: Option<EventsTo>,
    now: Timestamp,
) -> anyhow::Result<Option<Zeroizing<String>>> {
    let by = Author::server("cosell dev --events-to");
    let rule = rules::expect(store, EVENTS_TO).await.ok();
    let Some(to) = to else {
        if rule.is_some_and(|rule| rule.enabled) {
            rules::change(store, &by, EVENTS_TO, now, |rule| rule.enabled = false).await?;
        }
        return Ok(None);
    };
    let sink = match to {
        EventsTo::Webhook(url) => json!({"kind": "webhook", "url": url}),
        EventsTo::File(path) => json!({"kind": "file", "path": path}),
        EventsTo::Stdout => json!({"kind": "stdout"}),
    };
    let target = json!({"id": EVENTS_TO, "sink": sink, "description": "what cosell dev --events-to names"});
    let target = Target::read(target.to_string().as_bytes())?;
    let kept = match targets::expect(store, sealer, EVENTS_TO).await {
        Ok(_) => {
            let deed = (&by, "UpdateEventTarget", now);
            let change = |present: &mut Target, _: &mut Secrets| {
                *present = target.clone();
                Ok(())
            };
            targets::change(store, deed, sealer, EVENTS_TO, change).await?.0
        }
        Err(_) => {
            let new = (target, Secrets::default());
            targets::create(store, &by, sealer, new, now).await?.0
        }
    };
    match rule {
        Some(rule) if rule.enabled => {}
        Some(_) => {
            rules::change(store, &by, EVENTS_TO, now, |rule| rule.enabled = true).await?;
        }
        None => {
            let rule = json!({"name": EVENTS_TO, "pattern": {"source": ["aws.partnercentral-selling"]},
                "targets": [kept.target.name()], "description": "what cosell dev --events-to names"});
            rules::create(store, &by, Rule::read(rule.to_string().as_bytes())?, now).await?;
        }
    }
    let signing = kept.secrets.map(|secrets| secrets.signing).unwrap_or_default();
    Ok(signing.into_iter().next())
}

/// Makes the account of a 12-digit access key id at its first request.
pub async fn ensure_account(store: &dyn Store, id: &str, region: &str, now: Timestamp) -> anyhow::Result<()> {
    if accounts::find(store, id).await?.is_some() {
        return Ok(());
    }
    let partner = partner(id, &format!("Example Partner {id}"), "partner.example.com", now);
    match partner::register(store, &Author::server("first request"), region, partner).await {
        Ok(()) => Ok(()),
        // Another request of the same account was faster.
        Err(_) if accounts::find(store, id).await?.is_some() => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn partner(id: &str, company: &str, domain: &str, now: Timestamp) -> Partner<'static> {
    let users = [("Ana", "Carolina"), ("Nikki", "Wolf"), ("Richard", "Roe")].map(|(first, last)| User {
        email: format!("{}.{}@{domain}", first.to_lowercase(), last.to_lowercase()),
        first_name: first.to_owned(),
        last_name: last.to_owned(),
    });
    let solution = |id: &str, name: &str, category: &str| NewSolution {
        id: Some(id.to_owned()),
        name: name.to_owned(),
        category: category.to_owned(),
        status: SolutionStatus::Active,
        marketplace_arn: None,
    };
    let solutions = Catalog::ALL.into_iter().flat_map(|catalog| {
        [
            (
                catalog,
                solution("S-0000101", "Data Platform Accelerator", "Software Product"),
            ),
            (
                catalog,
                solution("S-0000102", "Cloud Migration Practice", "Professional Service"),
            ),
        ]
    });
    Partner {
        account: Account {
            account_id: id.to_owned(),
            company_name: company.to_owned(),
            website_url: Some(format!("https://{domain}")),
            created_date: now,
        },
        users: users.to_vec(),
        solutions: solutions.collect(),
        key: None,
    }
}

/// The accounts whose keys still open what they should: one that was revoked stays so.
pub async fn usable(store: &dyn Store) -> anyhow::Result<Vec<&'static str>> {
    let mut usable = Vec::new();
    for account in &ACCOUNTS {
        match keys::expect(store, account.access_key_id).await {
            Ok(key) if key.status == keys::Status::Active => usable.push(account.id),
            Ok(_) | Err(AdminError::Missing(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(usable)
}

/// What a person needs to connect, ready to paste. An account whose key is not `usable` is reached by its number.
pub fn banner(endpoint: &str, data: &str, region: &str, usable: &[&str]) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    let first = &ACCOUNTS[0];
    let _ = write!(
        text,
        "cosell development server: the AWS Partner Central Selling API, unofficial, on this machine only\n\n\
         endpoint  {endpoint}\n\
         data      {data}\n\n\
         AWS CLI: paste into ~/.aws/config, then `aws partnercentral-selling list-opportunities --catalog Sandbox --profile {}`\n\n",
        first.profile
    );
    for account in &ACCOUNTS {
        let (note, key, secret) = if usable.contains(&account.id) {
            ("", account.access_key_id, account.secret_access_key)
        } else {
            (", whose key was revoked: its number is one", account.id, "any")
        };
        let _ = write!(
            text,
            "  [profile {}]\n  # account {}{note}\n  region = {region}\n  endpoint_url = {endpoint}\n  aws_access_key_id = {key}\n  aws_secret_access_key = {secret}\n\n",
            account.profile, account.id
        );
    }
    let _ = write!(
        text,
        "boto3:       boto3.Session(profile_name=\"{p}\").client(\"partnercentral-selling\")\n\
         JavaScript:  new PartnerCentralSellingClient({{ profile: \"{p}\" }})\n\
         Rust:        aws_config::from_env().profile_name(\"{p}\").load().await\n\
         Any 12-digit access key id is an account of its own here; its secret is not checked.\n\
         Events:      cosell events tail\n",
        p = first.profile
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_profiles_of_the_banner_sign_for_the_region_that_is_taken() {
        let both = ACCOUNTS.map(|account| account.id);
        let text = banner("http://127.0.0.1:1", "here", "eu-central-1", &both);
        assert_eq!(text.matches("region = eu-central-1").count(), ACCOUNTS.len());
        assert!(!text.contains("us-east-1"));
    }

    #[test]
    fn no_profile_of_the_banner_has_a_key_that_opens_nothing() {
        let text = banner("http://127.0.0.1:1", "here", "us-east-1", &[ACCOUNTS[1].id]);
        assert!(!text.contains(ACCOUNTS[0].access_key_id), "{text}");
        assert!(text.contains("aws_access_key_id = 111122223333\n"), "{text}");
        assert!(text.contains(ACCOUNTS[1].access_key_id), "{text}");
    }

    #[test]
    fn only_loopback_addresses_are_taken() {
        for good in ["127.0.0.1:7733", "127.9.9.9:1", "[::1]:7733"] {
            check_address(good.parse().unwrap()).unwrap();
        }
        for bad in ["0.0.0.0:7733", "[::]:7733", "192.0.2.1:80"] {
            assert!(check_address(bad.parse().unwrap()).is_err(), "{bad}");
        }
    }
}
