//! Who can take part in an engagement: partner accounts, and AWS, which has another account id in each catalog.
//! Holds what others may know of a party; never anything from its own records.

use serde::{Deserialize, Serialize};

use crate::Catalog;

/// The name under which callers may invite AWS in either catalog.
const AWS_ALIAS: &str = "aws";

/// What the other members of an engagement see of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// The account's identifier: 12 digits, or AWS's own of [`aws_account`].
    pub account_id: String,
    /// The company's name, at most 120 characters.
    pub company_name: String,
    /// The company's website, if it has told one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub website_url: Option<String>,
}

/// AWS's account identifier in a catalog, as recorded (behaviours 1.4).
pub const fn aws_account(catalog: Catalog) -> &'static str {
    match catalog {
        Catalog::Aws => AWS_ALIAS,
        Catalog::Sandbox => "390403897881",
    }
}

/// AWS as others see it, as recorded (behaviours 1.4).
pub fn aws(catalog: Catalog) -> Profile {
    Profile {
        account_id: aws_account(catalog).to_owned(),
        company_name: "AWS".to_owned(),
        website_url: Some("www.aws.com".to_owned()),
    }
}

/// True when the account is AWS in that catalog.
pub fn is_aws(catalog: Catalog, account: &str) -> bool {
    account == aws_account(catalog)
}

/// The account that a caller means: `aws` is AWS in both catalogs, anything else is meant as written.
pub fn canonical(catalog: Catalog, sent: &str) -> &str {
    if sent == AWS_ALIAS {
        aws_account(catalog)
    } else {
        sent
    }
}
