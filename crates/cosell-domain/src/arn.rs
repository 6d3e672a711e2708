//! Amazon Resource Names of this service, in the form recorded from AWS. Builds and reads them; looks nothing up.

use crate::Catalog;

/// The region every ARN names unless the server is configured otherwise: the service exists only there.
pub const DEFAULT_REGION: &str = "us-east-1";

/// What a taggable ARN points at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpportunityArn {
    /// The account that owns the opportunity.
    pub account: String,
    /// The catalog it lives in.
    pub catalog: Catalog,
    /// The opportunity's identifier, `O…`.
    pub id: String,
}

/// `arn:aws:partnercentral:<region>:<account>:catalog/<catalog>/opportunity/<id>`.
pub fn opportunity(region: &str, account: &str, catalog: Catalog, id: &str) -> String {
    format!("arn:aws:partnercentral:{region}:{account}:catalog/{catalog}/opportunity/{id}")
}

/// `arn:aws:partnercentral:<region>:<account>:catalog/<catalog>/solution/<id>`.
pub fn solution(region: &str, account: &str, catalog: Catalog, id: &str) -> String {
    format!("arn:aws:partnercentral:{region}:{account}:catalog/{catalog}/solution/{id}")
}

/// Reads an opportunity's ARN; `None` for any other text. The region is not compared, since only one exists.
pub fn parse_opportunity(arn: &str) -> Option<OpportunityArn> {
    let mut parts = arn.splitn(6, ':');
    let (scheme, _partition, service) = (parts.next()?, parts.next()?, parts.next()?);
    let (_region, account, resource) = (parts.next()?, parts.next()?, parts.next()?);
    if scheme != "arn" || service != "partnercentral" {
        return None;
    }
    let mut path = resource.split('/');
    let (root, catalog, kind, id) = (path.next()?, path.next()?, path.next()?, path.next()?);
    if root != "catalog" || kind != "opportunity" || path.next().is_some() {
        return None;
    }
    Some(OpportunityArn {
        account: account.to_owned(),
        catalog: Catalog::from_name(catalog)?,
        id: id.to_owned(),
    })
}

/// The account section of any ARN, if it has one.
pub fn account_of(arn: &str) -> Option<&str> {
    arn.split(':').nth(4).filter(|account| !account.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_opportunity_arn_survives_building_and_reading() {
        let arn = opportunity(DEFAULT_REGION, "111122223333", Catalog::Sandbox, "O5465588");
        assert_eq!(
            arn,
            "arn:aws:partnercentral:us-east-1:111122223333:catalog/Sandbox/opportunity/O5465588"
        );
        let read = parse_opportunity(&arn).unwrap();
        assert_eq!(read.account, "111122223333");
        assert_eq!(read.catalog, Catalog::Sandbox);
        assert_eq!(read.id, "O5465588");
    }

    #[test]
    fn other_arns_are_no_opportunity() {
        for arn in [
            "",
            "arn:aws:s3:::bucket",
            "arn:aws:partnercentral:us-east-1:111122223333:catalog/Sandbox/solution/S-1",
            "arn:aws:partnercentral:us-east-1:111122223333:catalog/Moon/opportunity/O1",
            "arn:aws:partnercentral:us-east-1:111122223333:catalog/AWS/opportunity/O1/more",
        ] {
            assert_eq!(parse_opportunity(arn), None, "{arn}");
        }
    }
}
