//! The made-up result for one customer in one engagement. What describes the company depends on seed and company alone,
//! so that two engagements about one customer agree; the scores depend on the engagement too. No randomness and no clock:
//! the same question has the same answer in every process and on every machine.

use cosell_model::Timestamp;
use cosell_model::enums::Industry;
use cosell_model::types::{
    ProspectingInsights, ProspectingResult, ProspectingResultAws, ProspectingResultCustomer,
};

use super::{Subject, geography};
use crate::dice::Dice;
use crate::task::Task;

const LEVELS: [&str; 3] = ["High", "Medium", "Low"];

/// Segments, each with the sizes (in employees) of its companies.
const SEGMENTS: [(&str, &[&str]); 4] = [
    ("Enterprise", &["5001-10000", "10001+"]),
    ("Mid-Market", &["501-1000", "1001-5000"]),
    ("Small and Medium Business", &["51-200", "201-500"]),
    ("Startup", &["1-10", "11-50"]),
];

const PUBLIC_SECTOR: &str = "Public Sector";
const SIZES: [&str; 8] = [
    "1-10",
    "11-50",
    "51-200",
    "201-500",
    "501-1000",
    "1001-5000",
    "5001-10000",
    "10001+",
];

const PROGRAMS: [&str; 5] = [
    "AWS Activate",
    "Innovation Sandbox",
    "Migration Acceleration Program",
    "Partner Opportunity Acceleration Funding",
    "Workload Migration Program",
];

const SOLUTIONS: [(&str, &[&str]); 6] = [
    (
        "Business Applications",
        &["Collaboration", "Customer Relations", "Finance and Planning"],
    ),
    (
        "Data and Analytics",
        &["Business Intelligence", "Data Integration", "Data Warehousing"],
    ),
    (
        "Development and Operations",
        &["Continuous Delivery", "Monitoring", "Testing"],
    ),
    (
        "Infrastructure",
        &["Backup and Recovery", "Networking", "Storage"],
    ),
    (
        "Machine Learning",
        &["Computer Vision", "Forecasting", "Language Models"],
    ),
    (
        "Security",
        &["Identity", "Network Protection", "Threat Detection"],
    ),
];

/// What a result is about.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// The seed of this server's or catalog's results.
    pub seed: u64,
    /// The engagement, `eng-…`.
    pub engagement: &'a str,
    /// Its customer.
    pub subject: &'a Subject,
    /// The task that asked.
    pub task: &'a Task,
    /// When the result was there.
    pub now: Timestamp,
}

/// The result to be written as a ProspectingResult context.
pub fn result(about: About<'_>) -> ProspectingResult {
    let task = about.task;
    ProspectingResult {
        aws: Some(ProspectingResultAws {
            customer: Some(customer(about.seed, about.subject)),
            insights: Some(insights(about)),
            start_time: Some(task.started),
            end_time: Some(about.now),
            task_id: Some(task.id.clone()),
            task_arn: Some(task.arn.clone()),
            task_name: task.name().map(str::to_owned),
        }),
    }
}

fn customer(seed: u64, subject: &Subject) -> ProspectingResultCustomer {
    let company = subject.company.trim().to_lowercase();
    let dice = Dice {
        seed,
        about: &[&company],
    };
    let industry = subject.industry.clone().unwrap_or_else(|| {
        let names = Industry::VALUES;
        Industry::from(names[dice.roll("industry", names.len())])
    });
    let (segment, size) = segment(subject, &industry, dice);
    let place = subject.country.as_ref().and_then(geography::of);
    let programs = PROGRAMS
        .iter()
        .filter(|program| dice.roll(program, 2) == 0)
        .map(|program| (*program).to_owned());
    let profile = format!(
        "{} is made up to be a company of the segment {segment} in the industry {industry}, with {size} employees. \
         This profile is sample data of a self-hosted server.",
        subject.company
    );
    ProspectingResultCustomer {
        account_name: Some(subject.company.clone()),
        geo: place.map(|place| place.geo.to_owned()),
        region: place.map(|place| place.region.to_owned()),
        sub_region: place.map(|place| place.sub_region.to_owned()),
        country: subject.country.clone(),
        sub_industry: Some(sub_industry(&industry, dice).to_owned()),
        industry: Some(industry),
        eligible_programs: Some(programs.collect()),
        segment: Some(segment),
        company_size: Some(size.to_owned()),
        public_profile_summary: Some(profile),
    }
}

/// The segment the lead states, or the one its industry implies, or any; and a size that goes with it.
fn segment(subject: &Subject, industry: &Industry, dice: Dice<'_>) -> (String, &'static str) {
    let any_size = || dice.choose("size", &SIZES);
    if let Some(stated) = &subject.segment {
        let known = SEGMENTS
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(stated.trim()));
        let size = known.map_or_else(any_size, |(_, sizes)| dice.choose("size", sizes));
        return (stated.clone(), size);
    }
    if *industry == Industry::Government {
        return (PUBLIC_SECTOR.to_owned(), any_size());
    }
    let (name, sizes) = SEGMENTS[dice.roll("segment", SEGMENTS.len())];
    (name.to_owned(), dice.choose("size", sizes))
}

/// A part of the industry. The finer names are ours; AWS publishes no list.
fn sub_industry(industry: &Industry, dice: Dice<'_>) -> &'static str {
    let parts: &[&'static str] = match industry {
        Industry::Aerospace => &["Aircraft", "Space Systems"],
        Industry::Agriculture => &["Crops", "Livestock", "Farm Technology"],
        Industry::Automotive => &["Vehicle Makers", "Suppliers", "Mobility Services"],
        Industry::Education => &["Higher Education", "Schools", "Learning Technology"],
        Industry::EnergyOilAndGas | Industry::EnergyPowerAndUtilities => {
            &["Production", "Grids and Networks", "Renewables"]
        }
        Industry::FinancialServices => &["Banking", "Insurance", "Payments", "Capital Markets"],
        Industry::Government => &["Federal", "Regional", "Municipal"],
        Industry::Healthcare | Industry::LifeSciences => &["Providers", "Devices", "Pharmaceuticals"],
        Industry::Manufacturing => &["Process", "Discrete", "Machinery"],
        Industry::MediaAndEntertainment | Industry::Gaming => &["Publishing", "Streaming", "Studios"],
        Industry::Retail | Industry::ConsumerGoods | Industry::WholesaleAndDistribution => {
            &["Online", "Stores", "Logistics"]
        }
        Industry::SoftwareAndInternet | Industry::ComputersAndElectronics => {
            &["Enterprise Software", "Consumer Internet", "Hardware"]
        }
        Industry::Telecommunications => &["Mobile", "Fixed Networks", "Satellite"],
        Industry::TransportationAndLogistics | Industry::Travel | Industry::Hospitality => {
            &["Passengers", "Freight", "Booking"]
        }
        _ => &["General", "Services", "Technology"],
    };
    dice.choose("sub-industry", parts)
}

fn insights(about: About<'_>) -> ProspectingInsights {
    let company = about.subject.company.trim().to_lowercase();
    let dice = Dice {
        seed: about.seed,
        about: &[&company, about.engagement],
    };
    let (category, parts) = SOLUTIONS[dice.roll("category", SOLUTIONS.len())];
    ProspectingInsights {
        marketplace_engagement_score: Some(dice.choose("marketplace", &LEVELS).to_owned()),
        solution_score: Some(dice.choose("solution", &LEVELS).to_owned()),
        solution_category: Some(category.to_owned()),
        solution_sub_category: Some(dice.choose("sub-category", parts).to_owned()),
    }
}
