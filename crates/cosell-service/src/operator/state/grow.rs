//! One made-up opportunity with a life behind it, brought about by the rules of the domain at moved times, so that it is
//! in no state that a real one could not be in. The same seed and number give the same opportunity.

use cosell_domain::Catalog;
use cosell_domain::opportunity::relate::{self, Known};
use cosell_domain::opportunity::spend::Estimates;
use cosell_domain::opportunity::{Opportunity, create, submit, update};
use cosell_domain::reference::Products;
use cosell_domain::review::{self, Explanation, Verdict};
use cosell_model::enums::{
    ClosedLostReason, CountryCode, DeliveryModel, Industry, MarketingSource, OpportunityType,
    PrimaryNeedFromAws, RelatedEntityType, SalesActivity, SalesInvolvementType, SolutionStatus, Stage,
};
use cosell_model::types::{
    Account, Address, CreateOpportunityRequest, Customer, ExpectedCustomerSpend, LifeCycle, Marketing,
    Project, UpdateOpportunityRequest,
};
use cosell_model::{ApiError, Timestamp, Violation};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

const DAY: i64 = 24 * 60 * 60 * 1000;

const FIRST_WORDS: &[&str] = &[
    "Amber", "Birch", "Cobalt", "Delta", "Ember", "Fjord", "Granite", "Harbour", "Indigo", "Juniper",
    "Kestrel", "Lumen", "Marble", "Nimbus", "Orchard", "Pioneer", "Quarry", "Ridge", "Sable", "Tidal",
    "Umber", "Vale", "Willow", "Zenith",
];
const SECOND_WORDS: &[&str] = &[
    "Analytics",
    "Bank",
    "Brewing",
    "Clinics",
    "Dynamics",
    "Energy",
    "Foods",
    "Freight",
    "Grid",
    "Holdings",
    "Insurance",
    "Labs",
    "Logistics",
    "Media",
    "Mills",
    "Motors",
    "Optics",
    "Pharma",
    "Rail",
    "Retail",
    "Robotics",
    "Shipping",
    "Software",
    "Textiles",
];
const WORKS: &[(&str, &str)] = &[
    (
        "Data lake",
        "Big Data: Data Warehouse/Data Integration/ETL/Data Lake/BI",
    ),
    ("Database migration", "Migration/Database Migration"),
    ("SAP landscape", "SAP"),
    ("Container platform", "Containers & Serverless"),
    ("Backup and archive", "Storage & Backup"),
    ("Contact centre", "Business Applications & Contact Center"),
    ("Sensor network", "IOT"),
    ("Fraud detection", "AI Machine Learning and Analytics"),
];
/// Country, region where the rules want one, a postal code of the right form, city.
const PLACES: &[(&str, Option<&str>, &str, &str)] = &[
    ("US", Some("Washington"), "98101", "Seattle"),
    ("US", Some("Texas"), "73301", "Austin"),
    ("US", Some("New York"), "10001", "New York"),
    ("DE", None, "10115", "Berlin"),
    ("FR", None, "75001", "Paris"),
    ("GB", None, "EC1A 1BB", "London"),
    ("NL", None, "1011 AB", "Amsterdam"),
    ("JP", None, "100-0001", "Tokyo"),
    ("IN", None, "560001", "Bengaluru"),
    ("AU", None, "2000", "Sydney"),
    ("BR", None, "01310-100", "Sao Paulo"),
    ("CA", None, "M5V 2T6", "Toronto"),
];
const STEPS: &[&str] = &[
    "Agree on the scope with the customer's architects",
    "Send the sizing and the price list",
    "Run the proof of concept",
    "Meet the customer's finance team",
    "Have the security questionnaire answered",
    "Draw up the migration plan",
];
/// The stages of an open deal, in their order.
const OPEN: [Stage; 5] = [
    Stage::Prospect,
    Stage::Qualified,
    Stage::TechnicalValidation,
    Stage::BusinessValidation,
    Stage::Committed,
];
const REASONS: [ClosedLostReason; 4] = [
    ClosedLostReason::Price,
    ClosedLostReason::LostToCompetitorOther,
    ClosedLostReason::DelayCancellationOfProject,
    ClosedLostReason::NoOpportunity,
];

/// What all opportunities of a pack have in common.
pub(super) struct Soil<'a> {
    pub(super) account: &'a str,
    pub(super) catalog: Catalog,
    pub(super) region: &'a str,
    pub(super) estimates: &'a Estimates,
    pub(super) products: &'a Products,
    /// An active solution of the account. Without one no deal gets beyond Business Validation.
    pub(super) solution: Option<&'a str>,
    pub(super) seed: u64,
    /// When nothing more happens.
    pub(super) now: Timestamp,
}

/// An opportunity under way.
struct Growing<'a> {
    soil: &'a Soil<'a>,
    dice: ChaCha8Rng,
    at: Timestamp,
    /// Time between two steps of its life.
    stride: i64,
    opportunity: Opportunity,
}

/// The opportunity of that id, which came up at `created`.
pub(super) fn grow(
    soil: &Soil<'_>,
    id: &str,
    number: u64,
    created: Timestamp,
) -> Result<Opportunity, ApiError> {
    let mut dice = ChaCha8Rng::seed_from_u64(soil.seed ^ number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let input = draft(soil, &mut dice, number, created);
    let context = create::Context {
        account: soil.account,
        catalog: soil.catalog,
        region: soil.region,
        id,
        now: created,
        estimates: soil.estimates,
    };
    let opportunity = create::create(input, context).map_err(broken)?;
    let left = soil.now.as_millis() - created.as_millis();
    let mut growing = Growing {
        soil,
        dice,
        at: created,
        // No life has more than a dozen steps.
        stride: (left / 16).clamp(1, 12 * DAY),
        opportunity,
    };
    growing.live()?;
    Ok(growing.opportunity)
}

impl Growing<'_> {
    fn live(&mut self) -> Result<(), ApiError> {
        let fate = below(&mut self.dice, 100);
        if let Some(solution) = self.soil.solution.filter(|_| fate >= 10) {
            let known = Known {
                account: self.soil.account,
                products: self.soil.products,
                solution: Some(&SolutionStatus::Active),
                offer: None,
            };
            let at = self.step();
            let kind = RelatedEntityType::Solutions;
            let related = relate::associate(&self.opportunity, &kind, solution, known, at);
            self.become_if(related.map_err(broken)?);
        }
        if fate < 20 {
            return Ok(());
        }
        self.submit()?;
        match fate {
            20..28 => Ok(()),
            28..34 => self.decide(Verdict::Take),
            34..42 => self.decide(Verdict::AskForAction(Explanation {
                reason: "Opportunity details incomplete".to_owned(),
                comments: Some("Say more about the customer's present systems.".to_owned()),
            })),
            42..50 => self.decide(Verdict::Reject(Explanation {
                reason: "No AWS consumption expected".to_owned(),
                comments: None,
            })),
            _ => {
                if fate.is_multiple_of(2) {
                    self.decide(Verdict::Take)?;
                }
                self.decide(Verdict::Approve { comments: None })?;
                self.sell()
            }
        }
    }

    fn submit(&mut self) -> Result<(), ApiError> {
        let involvement = match below(&mut self.dice, 5) {
            0 => SalesInvolvementType::ForVisibilityOnly,
            _ => SalesInvolvementType::CoSell,
        };
        let at = self.step();
        self.keep_close_date_ahead(at)?;
        let submitted = submit::submit(&self.opportunity, involvement, None, at).map_err(broken)?;
        self.become_if(submitted);
        Ok(())
    }

    fn decide(&mut self, verdict: Verdict) -> Result<(), ApiError> {
        let at = self.step();
        let mut decided = review::decide(&self.opportunity, verdict, "seed", at).map_err(ApiError::from)?;
        if let Some(next) = &mut decided {
            // Nobody is at work on it: whoever tries the desk can take it.
            next.private.taken_by = None;
        }
        self.become_if(decided);
        Ok(())
    }

    /// After the approval: some steps on through the stages, and maybe the end.
    fn sell(&mut self) -> Result<(), ApiError> {
        let place = |stage: &Stage| OPEN.iter().position(|open| open == stage).unwrap_or(0);
        let last = if self.soil.solution.is_some() { 4 } else { 3 };
        let mut here = self.opportunity.stage().map_or(0, place);
        for _ in 0..below(&mut self.dice, 5) {
            here = (here + 1).min(last);
            let steps = STEPS[below(&mut self.dice, STEPS.len())];
            let stage = OPEN[here].clone();
            self.update(|cycle, _| {
                cycle.stage = Some(stage);
                cycle.next_steps = Some(steps.to_owned());
            })?;
        }
        match below(&mut self.dice, 6) {
            0 => {
                let reason = REASONS[below(&mut self.dice, REASONS.len())].clone();
                self.update(|cycle, _| {
                    cycle.stage = Some(Stage::ClosedLost);
                    cycle.closed_lost_reason = Some(reason);
                })
            }
            1 if here == 4 => self.update(|cycle, _| cycle.stage = Some(Stage::Launched)),
            _ => Ok(()),
        }
    }

    /// A close date that has come in the meantime is put off, as a partner must before anything else.
    fn keep_close_date_ahead(&mut self, at: Timestamp) -> Result<(), ApiError> {
        let cycle = self.opportunity.document.life_cycle.as_ref();
        let date = cycle.and_then(|cycle| cycle.target_close_date.as_deref());
        if date.is_some_and(|date| date <= at.date().as_str()) {
            self.update(|_, _| {})?;
        }
        Ok(())
    }

    fn update(&mut self, change: impl FnOnce(&mut LifeCycle, Timestamp)) -> Result<(), ApiError> {
        let at = self.step();
        let document = self.opportunity.document.clone();
        let mut life_cycle = document.life_cycle.unwrap_or_default();
        if life_cycle
            .target_close_date
            .as_deref()
            .is_none_or(|date| date <= at.date().as_str())
        {
            life_cycle.target_close_date = Some(at.plus_millis(60 * DAY).date());
        }
        change(&mut life_cycle, at);
        let visible_only =
            self.opportunity.private.involvement_type == Some(SalesInvolvementType::ForVisibilityOnly);
        let input = UpdateOpportunityRequest {
            catalog: document.catalog,
            primary_needs_from_aws: document.primary_needs_from_aws.filter(|_| !visible_only),
            national_security: document.national_security,
            partner_opportunity_identifier: document.partner_opportunity_identifier,
            customer: document.customer,
            project: document.project,
            opportunity_type: document.opportunity_type,
            marketing: document.marketing,
            software_revenue: document.software_revenue,
            last_modified_date: document.last_modified_date,
            identifier: document.id,
            life_cycle: Some(life_cycle),
        };
        let context = update::Context {
            catalog: self.soil.catalog,
            now: at,
            clears_contract_duration: false,
            orphan_quirk: false,
            estimates: self.soil.estimates,
        };
        self.opportunity =
            update::update(&self.opportunity, input, context).map_err(|refusal| match refusal {
                update::Refusal::Violations(violations) => broken(violations),
                update::Refusal::Stale => ApiError::internal("a made-up opportunity is stale"),
            })?;
        Ok(())
    }

    /// The time of the next thing that happens.
    fn step(&mut self) -> Timestamp {
        self.at = self.at.plus_millis(self.stride);
        self.at
    }

    fn become_if(&mut self, next: Option<Opportunity>) {
        if let Some(next) = next {
            self.opportunity = next;
        }
    }
}

fn draft(
    soil: &Soil<'_>,
    dice: &mut ChaCha8Rng,
    number: u64,
    created: Timestamp,
) -> CreateOpportunityRequest {
    let industries = Industry::VALUES;
    // The last one, Other, wants another member.
    let industry = industries[below(dice, industries.len() - 1)];
    let (country, region, postal_code, city) = PLACES[below(dice, PLACES.len())];
    let (work, use_case) = WORKS[below(dice, WORKS.len())];
    let (first, second) = (
        FIRST_WORDS[below(dice, FIRST_WORDS.len())],
        SECOND_WORDS[below(dice, SECOND_WORDS.len())],
    );
    let company = format!("{first} {second}");
    // Spread over four magnitudes, as real pipelines are: many small ones and few great ones.
    let magnitude = [100_u64, 1000, 1000, 10_000][below(dice, 4)];
    let amount = format!("{}.00", magnitude * (5 + below(dice, 95) as u64) / 5);
    let close = created.plus_millis(DAY * (45 + below(dice, 500) as i64));
    let kinds = OpportunityType::VALUES;
    let models = DeliveryModel::VALUES;
    let needs = PrimaryNeedFromAws::VALUES;
    CreateOpportunityRequest {
        catalog: soil.catalog.as_str().to_owned(),
        client_token: String::new(),
        opportunity_type: Some(kinds[below(dice, kinds.len())].into()),
        primary_needs_from_aws: Some(vec![needs[below(dice, 8)].into()]),
        partner_opportunity_identifier: Some(format!("crm-{number}")),
        customer: Some(Customer {
            account: Some(Account {
                industry: Some(industry.into()),
                company_name: company,
                website_url: Some(format!(
                    "https://{}-{}.example.com",
                    first.to_lowercase(),
                    second.to_lowercase()
                )),
                address: Some(Address {
                    city: Some(city.to_owned()),
                    postal_code: Some(postal_code.to_owned()),
                    state_or_region: region.map(str::to_owned),
                    country_code: Some(CountryCode::from(country)),
                    ..Address::default()
                }),
                ..Account::default()
            }),
            ..Customer::default()
        }),
        project: Some(Project {
            title: Some(format!("{work} for {first} {second}")),
            customer_business_problem: Some(format!(
                "{first} {second} runs its {} on premises and cannot keep up with demand.",
                work.to_lowercase()
            )),
            customer_use_case: Some(use_case.to_owned()),
            delivery_models: Some(vec![models[below(dice, models.len())].into()]),
            sales_activities: Some(vec![SalesActivity::CustomerHasShownInterestInSolution]),
            other_solution_description: Some("A solution of our own".to_owned()),
            expected_customer_spend: Some(vec![ExpectedCustomerSpend {
                amount: Some(amount),
                currency_code: "USD".into(),
                frequency: "Monthly".into(),
                target_company: "AWS".to_owned(),
                estimation_url: None,
            }]),
            ..Project::default()
        }),
        marketing: Some(Marketing {
            source: Some(MarketingSource::None),
            ..Marketing::default()
        }),
        life_cycle: Some(LifeCycle {
            stage: Some(OPEN[below(dice, 4)].clone()),
            target_close_date: Some(close.date()),
            next_steps: Some(STEPS[below(dice, STEPS.len())].to_owned()),
            ..LifeCycle::default()
        }),
        ..CreateOpportunityRequest::default()
    }
}

/// A number below `sides`, which is above zero.
fn below(dice: &mut ChaCha8Rng, sides: usize) -> usize {
    // The high half of the product: next to even for such small numbers.
    ((u64::from(dice.next_u32()) * sides as u64) >> 32) as usize
}

fn broken(violations: Vec<Violation>) -> ApiError {
    ApiError::internal(format!("a made-up opportunity breaks the rules: {violations:?}"))
}
