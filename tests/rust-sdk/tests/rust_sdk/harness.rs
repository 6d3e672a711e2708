//! A server, clients for its accounts, and requests to start from. Knows nothing of the project but its binary.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use aws_sdk_partnercentralselling::Client;
use aws_sdk_partnercentralselling::config::retry::RetryConfig;
use aws_sdk_partnercentralselling::config::{BehaviorVersion, Builder, Config, Credentials, Region};
use aws_sdk_partnercentralselling::operation::create_opportunity::builders::CreateOpportunityFluentBuilder;
use aws_sdk_partnercentralselling::operation::get_opportunity::GetOpportunityOutput;
use aws_sdk_partnercentralselling::operation::update_opportunity::builders::UpdateOpportunityFluentBuilder;
use aws_sdk_partnercentralselling::primitives::{DateTime, DateTimeFormat as Format};
use aws_sdk_partnercentralselling::types::{
    Account, Address, CountryCode, CurrencyCode, Customer, DeliveryModel, ExpectedCustomerSpend, Industry,
    LifeCycle, Marketing, MarketingSource, OpportunityType, PaymentFrequency, PrimaryNeedFromAws, Project,
    RelatedEntityType, ReviewStatus, SalesActivity, SalesInvolvementType, Stage,
};

/// The key of the first account: AWS's documentation publishes it.
pub const ONE: (&str, &str) = ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
/// The key of the second account.
pub const TWO: (&str, &str) = ("AKIAI44QH8DHBEXAMPLE", "je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY");
/// The catalog of every test.
pub const SANDBOX: &str = "Sandbox";

/// A development server on a free port; it ends with its value.
pub struct Server {
    process: Child,
    endpoint: String,
}

impl Server {
    /// Starts a server with further options.
    pub fn start(options: &[&str]) -> Self {
        let program = binary();
        let mut process = Command::new(&program)
            .args(["dev", "--ephemeral", "--listen", "127.0.0.1:0"])
            .args(options)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {}: {error}", program.display()));
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let mut endpoint = None;
        let mut line = String::new();
        while output.read_line(&mut line).unwrap() > 0 {
            if line.starts_with("endpoint") {
                endpoint = line.split_whitespace().nth(1).map(str::to_owned);
            }
            if line.starts_with("ready in") {
                break;
            }
            line.clear();
        }
        // What the server says later must not fill the pipe and stop it.
        std::thread::spawn(move || output.read_to_end(&mut Vec::new()));
        Self {
            process,
            endpoint: endpoint.expect("the server ended before it was ready"),
        }
    }

    /// The SDK as the holder of a key.
    pub fn client(&self, (key, secret): (&str, &str)) -> Client {
        self.client_with(key, secret, |config| config)
    }

    /// The SDK with further settings.
    pub fn client_with(&self, key: &str, secret: &str, settings: impl FnOnce(Builder) -> Builder) -> Client {
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .endpoint_url(&self.endpoint)
            .credentials_provider(Credentials::new(key, secret, None, None, "test"))
            .retry_config(RetryConfig::standard())
            .http_client(aws_smithy_http_client::Builder::new().build_http());
        Client::from_conf(settings(config).build())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself, which is no reason to fail twice.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn binary() -> PathBuf {
    let path = std::env::var_os("COSELL_BIN").map_or_else(
        || {
            // This test lies in target/<profile>/deps, the server one folder above.
            let here = std::env::current_exe().unwrap();
            here.parent().unwrap().with_file_name("cosell")
        },
        PathBuf::from,
    );
    assert!(
        path.is_file(),
        "{} does not exist: run `cargo build -p cosell`, or set COSELL_BIN to the binary",
        path.display()
    );
    path
}

/// A token that no other request of this run has.
pub fn token() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!(
        "rust-{}-{}",
        std::process::id(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    )
}

/// A date that many days from today, in UTC.
#[expect(
    clippy::disallowed_methods,
    reason = "a client lives by the real clock, as the server under test does"
)]
pub fn in_days(days: i64) -> String {
    let today = DateTime::from(SystemTime::now());
    let later = DateTime::from_secs(today.secs() + days * 24 * 60 * 60);
    later.fmt(Format::DateTime).unwrap()[..10].to_owned()
}

/// CreateOpportunity with everything that a submission asks for.
pub fn draft(client: &Client, title: &str) -> CreateOpportunityFluentBuilder {
    let address = Address::builder()
        .country_code(CountryCode::Us)
        .state_or_region("California")
        .postal_code("94105")
        .build();
    let account = Account::builder()
        .company_name("Example Customer")
        .industry(Industry::SoftwareInternet)
        .website_url("https://customer.example.com")
        .address(address)
        .build()
        .unwrap();
    let spend = ExpectedCustomerSpend::builder()
        .amount("10000.00")
        .currency_code(CurrencyCode::Usd)
        .frequency(PaymentFrequency::Monthly)
        .target_company("AWS")
        .build()
        .unwrap();
    let project = Project::builder()
        .title(title)
        .customer_business_problem("The customer needs one place for all of its data.")
        .customer_use_case("Migration/Database Migration")
        .delivery_models(DeliveryModel::SaasOrPaas)
        .sales_activities(SalesActivity::SowSigned)
        .expected_customer_spend(spend)
        .build();
    let life_cycle = LifeCycle::builder()
        .stage(Stage::Qualified)
        .target_close_date(in_days(120))
        .next_steps("Call them")
        .build();
    client
        .create_opportunity()
        .catalog(SANDBOX)
        .client_token(token())
        .opportunity_type(OpportunityType::NetNewBusiness)
        .primary_needs_from_aws(PrimaryNeedFromAws::CoSellDealSupport)
        .partner_opportunity_identifier("crm-1")
        .customer(Customer::builder().account(account).build())
        .project(project)
        .marketing(Marketing::builder().source(MarketingSource::None).build())
        .life_cycle(life_cycle)
}

/// The id of a new opportunity.
pub async fn create(client: &Client, title: &str) -> String {
    draft(client, title).send().await.unwrap().id
}

/// What GetOpportunity answers.
pub async fn get(client: &Client, id: &str) -> GetOpportunityOutput {
    let call = client.get_opportunity().catalog(SANDBOX).identifier(id);
    call.send().await.unwrap()
}

/// An update that sends back what was read, as the documentation describes it.
pub fn echo(client: &Client, found: &GetOpportunityOutput) -> UpdateOpportunityFluentBuilder {
    client
        .update_opportunity()
        .catalog(&found.catalog)
        .identifier(&found.id)
        .last_modified_date(found.last_modified_date)
        .set_primary_needs_from_aws(found.primary_needs_from_aws.clone())
        .set_national_security(found.national_security.clone())
        .set_partner_opportunity_identifier(found.partner_opportunity_identifier.clone())
        .set_customer(found.customer.clone())
        .set_project(found.project.clone())
        .set_opportunity_type(found.opportunity_type.clone())
        .set_marketing(found.marketing.clone())
        .set_software_revenue(found.software_revenue.clone())
        .set_life_cycle(found.life_cycle.clone())
}

/// Makes the sandbox act as AWS.
pub async fn review(client: &Client, id: &str, status: ReviewStatus) {
    let found = get(client, id).await;
    let mut life_cycle = found.life_cycle.clone().unwrap();
    life_cycle.review_status = Some(status);
    let update = echo(client, &found).life_cycle(life_cycle);
    update.send().await.unwrap();
}

/// The id of an opportunity that waits for AWS's review.
pub async fn submitted(client: &Client, title: &str) -> String {
    let id = create(client, title).await;
    let associate = client
        .associate_opportunity()
        .catalog(SANDBOX)
        .opportunity_identifier(&id)
        .related_entity_type(RelatedEntityType::Solutions)
        .related_entity_identifier("S-1234567");
    associate.send().await.unwrap();
    let submit = client
        .submit_opportunity()
        .catalog(SANDBOX)
        .identifier(&id)
        .involvement_type(SalesInvolvementType::CoSell);
    submit.send().await.unwrap();
    id
}
