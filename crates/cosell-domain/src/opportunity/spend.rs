//! Expected spend: amounts, estimation URLs and total contract value (behaviours 2.7).
//! Settles what the partner sent into what is kept, and reports what contradicts itself.

use cosell_model::enums::{
    AwsPartition, CurrencyCode, PaymentFrequency, ValidationExceptionErrorCode as Code,
};
use cosell_model::types::{ExpectedContractDuration, ExpectedCustomerSpend, GetOpportunityResponse, Project};

use crate::Violations;
use crate::amount::{Cents, normalised};

const LIST: &str = "project.expectedCustomerSpend";
/// The target of the entry that holds a contract's whole value.
pub(super) const SELF: &str = "Self";
const AWS: &str = "AWS";

/// The amounts behind estimation URLs. cosell cannot open AWS's pricing calculator, so an operator says what an
/// estimate is worth; an estimate whose id is all zeros does not exist, so that the refusal can be tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Estimates {
    /// The monthly amount taken for an estimate sent without an amount.
    pub amount: String,
}

impl Default for Estimates {
    fn default() -> Self {
        Self {
            amount: "1000".to_owned(),
        }
    }
}

impl Estimates {
    fn resolve(&self, url: &str) -> Option<&str> {
        let id = url.rsplit_once("id=").map_or(url, |(_, id)| id);
        if id.bytes().all(|b| b == b'0') {
            None
        } else {
            Some(&self.amount)
        }
    }
}

/// What an update says about `ExpectedContractDuration`, the one member whose omission does not clear it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duration {
    /// As the document carries it (create).
    AsSent,
    /// Update: an omitted duration keeps the stored one.
    KeepIfOmitted,
    /// Update: an explicit null clears it.
    Cleared,
}

/// Brings the spend entries, the contract duration and the software revenue's amount of `document` into the form in
/// which they are kept. `stored` is the opportunity before an update.
pub fn settle(
    document: &mut GetOpportunityResponse,
    stored: Option<&GetOpportunityResponse>,
    duration: Duration,
    estimates: &Estimates,
    found: &mut Violations,
) {
    if let Some(value) = document
        .software_revenue
        .as_mut()
        .and_then(|revenue| revenue.value.as_mut())
        && let Some(amount) = normalised(&value.amount)
    {
        value.amount = amount;
    }
    let stored = stored.and_then(|stored| stored.project.as_ref());
    let Some(project) = document.project.as_mut() else {
        return;
    };
    if duration == Duration::KeepIfOmitted && project.expected_contract_duration.is_none() {
        project.expected_contract_duration =
            stored.and_then(|stored| stored.expected_contract_duration.clone());
    }
    for entry in project.expected_customer_spend.iter_mut().flatten() {
        entry.amount = entry.amount.as_deref().and_then(normalised);
        resolve_estimate(entry, estimates, found);
    }
    settle_contract(project, stored, duration, found);
    check_entries(project, found);
}

fn resolve_estimate(entry: &mut ExpectedCustomerSpend, estimates: &Estimates, found: &mut Violations) {
    let Some(url) = entry.estimation_url.as_deref() else {
        return;
    };
    match (estimates.resolve(url), entry.amount.is_some()) {
        (Some(_), true) => {}
        (Some(amount), false) => entry.amount = normalised(amount),
        // Both sent and the estimate cannot be found: the amount stands and the URL is dropped, without an error.
        (None, true) => entry.estimation_url = None,
        (None, false) => {
            found.invalid(
                &format!("{LIST}.estimationUrl"),
                format!("Invalid Estimation URL: {url}"),
            );
        }
    }
}

fn settle_contract(
    project: &mut Project,
    stored: Option<&Project>,
    duration: Duration,
    found: &mut Violations,
) {
    let entries = project.expected_customer_spend.get_or_insert_with(Vec::new);
    let own = entries
        .iter()
        .filter(|entry| entry.target_company == SELF)
        .count();
    let Some(months) = project.expected_contract_duration.as_ref().map(months) else {
        if own > 0 {
            let message = "ExpectedContractDuration is required when a Self entry is present";
            found.invalid("project.expectedContractDuration", message);
            check_contract(entries, found);
        } else {
            // Without a contract every target but AWS is silently AWS (the model's own description of TargetCompany).
            for entry in entries.iter_mut().filter(|entry| entry.target_company != AWS) {
                AWS.clone_into(&mut entry.target_company);
            }
        }
        if entries.is_empty() {
            // An empty list and no list read the same; keep the absent form.
            project.expected_customer_spend = None;
        }
        return;
    };
    if months.is_none() {
        found.invalid(
            "project.expectedContractDuration.value",
            "Value must be a whole number of months from 1 to 144",
        );
    }
    if own == 0 {
        let rebuilt = match duration {
            Duration::AsSent => None,
            Duration::KeepIfOmitted | Duration::Cleared => {
                months.and_then(|months| reconstruct_self(entries, stored, months))
            }
        };
        match rebuilt {
            Some(entry) => entries.push(entry),
            None => found.invalid(
                LIST,
                "A Self entry is required when ExpectedContractDuration is present",
            ),
        }
    }
    let sound = check_contract(entries, found);
    if let Some(months) = months.filter(|_| sound) {
        derive_monthly(entries, months);
    }
}

/// The Self entry of an update that carries a duration but no Self entry: the stored one, else the monthly amount times
/// the months.
fn reconstruct_self(
    entries: &[ExpectedCustomerSpend],
    stored: Option<&Project>,
    months: u32,
) -> Option<ExpectedCustomerSpend> {
    let before = stored
        .and_then(|stored| stored.expected_customer_spend.as_ref())
        .and_then(|entries| entries.iter().find(|entry| entry.target_company == SELF));
    if let Some(entry) = before {
        return Some(entry.clone());
    }
    let monthly = entries.iter().find(|entry| entry.target_company == AWS)?;
    let total = Cents::parse(monthly.amount.as_deref()?)?.times(months);
    Some(ExpectedCustomerSpend {
        amount: Some(total.to_string()),
        currency_code: monthly.currency_code.clone(),
        frequency: PaymentFrequency::from("None"),
        target_company: SELF.to_owned(),
        estimation_url: None,
    })
}

/// The rules among the entries of a contract. True when none is broken.
fn check_contract(entries: &[ExpectedCustomerSpend], found: &mut Violations) -> bool {
    let own = entries
        .iter()
        .filter(|entry| entry.target_company == SELF)
        .count();
    let rules = [
        (own > 1, LIST.to_owned(), "Only one Self entry is allowed"),
        (
            entries
                .iter()
                .any(|entry| entry.target_company != SELF && entry.target_company != AWS),
            format!("{LIST}.targetCompany"),
            "TargetCompany must be 'AWS' or 'Self'",
        ),
        (
            entries
                .windows(2)
                .any(|pair| pair[0].currency_code != pair[1].currency_code),
            format!("{LIST}.currencyCode"),
            "CurrencyCode must match between entries",
        ),
        (
            own > 0 && entries.iter().any(|entry| entry.estimation_url.is_some()),
            format!("{LIST}.estimationUrl"),
            "Self entry and EstimationUrl cannot coexist",
        ),
    ];
    let mut sound = true;
    for (_, field, message) in rules.into_iter().filter(|(broken, ..)| *broken) {
        found.invalid(&field, message);
        sound = false;
    }
    sound
}

/// Derives AWS's monthly entry from the Self entry and puts the two in the order in which they are read back.
/// The formula is cosell's own (AWS's is not published): contract value / months, rounded half up to cents.
fn derive_monthly(entries: &mut Vec<ExpectedCustomerSpend>, months: u32) {
    let Some(own) = entries.iter().position(|entry| entry.target_company == SELF) else {
        return;
    };
    let own = entries.swap_remove(own);
    let monthly = own
        .amount
        .as_deref()
        .and_then(Cents::parse)
        .map(|total| total.divided_by(months).to_string());
    let aws = ExpectedCustomerSpend {
        amount: monthly,
        currency_code: own.currency_code.clone(),
        frequency: PaymentFrequency::Monthly,
        target_company: AWS.to_owned(),
        estimation_url: None,
    };
    *entries = vec![aws, own];
}

/// Rules of single entries: the frequency None belongs to the Self entry, and the currency is USD or EUR, EUR alone in
/// the European sovereign cloud.
fn check_entries(project: &Project, found: &mut Violations) {
    let sovereign = project.aws_partition == Some(AwsPartition::AwsEusc);
    let none = PaymentFrequency::from("None");
    let entries = project.expected_customer_spend.as_deref().unwrap_or_default();
    if entries
        .iter()
        .any(|entry| entry.frequency == none && entry.target_company != SELF)
    {
        found.add(
            &format!("{LIST}.frequency"),
            Code::InvalidEnumValue,
            "Frequency must be Monthly: None is only for a Self entry",
        );
    }
    if sovereign
        && entries
            .iter()
            .any(|entry| entry.currency_code != CurrencyCode::EUR)
    {
        // The one field name recorded in another form than the dotted path.
        found.invalid(
            "ExpectedCustomerSpend.CurrencyCode",
            "ESC cloud partition requires EUR currency",
        );
    } else if entries
        .iter()
        .any(|entry| !matches!(entry.currency_code, CurrencyCode::USD | CurrencyCode::EUR))
    {
        found.invalid(&format!("{LIST}.currencyCode"), "CurrencyCode must be USD or EUR");
    }
}

fn months(duration: &ExpectedContractDuration) -> Option<u32> {
    let plain = !duration.value.starts_with(['0', '+']);
    duration
        .value
        .parse()
        .ok()
        .filter(|months| plain && (1..=144).contains(months))
}
