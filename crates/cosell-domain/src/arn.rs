//! Amazon Resource Names of this service, in the form recorded from AWS. Builds and reads them; looks nothing up.

use crate::Catalog;

/// The region every ARN names unless the server is configured otherwise: the service exists only there.
pub const DEFAULT_REGION: &str = "us-east-1";

const ENGAGEMENT: &str = "engagement";
const ENGAGEMENT_INVITATION: &str = "engagement-invitation";

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

/// `arn:aws:partnercentral:<region>::catalog/<catalog>/engagement/<id>`: shared, so without an account.
pub fn engagement(region: &str, catalog: Catalog, id: &str) -> String {
    format!("arn:aws:partnercentral:{region}::catalog/{catalog}/{ENGAGEMENT}/{id}")
}

/// `arn:aws:partnercentral:<region>::catalog/<catalog>/engagement-invitation/<id>`: shared, so without an account.
pub fn engagement_invitation(region: &str, catalog: Catalog, id: &str) -> String {
    format!("arn:aws:partnercentral:{region}::catalog/{catalog}/{ENGAGEMENT_INVITATION}/{id}")
}

/// The identifier that a caller means who may send an engagement's ARN or its identifier. An ARN of another catalog or
/// kind names nothing: `None`. A text that is no ARN is taken as an identifier.
pub fn engagement_id(catalog: Catalog, sent: &str) -> Option<&str> {
    shared_id(ENGAGEMENT, catalog, sent)
}

/// As [`engagement_id`], for invitations.
pub fn engagement_invitation_id(catalog: Catalog, sent: &str) -> Option<&str> {
    shared_id(ENGAGEMENT_INVITATION, catalog, sent)
}

/// Neither region nor account is compared: the identifiers are unique without them, and the contract writes an account
/// where AWS was recorded to write none.
fn shared_id<'a>(wanted: &str, catalog: Catalog, sent: &'a str) -> Option<&'a str> {
    if !sent.starts_with("arn:") {
        return Some(sent);
    }
    let mut parts = sent.splitn(6, ':').skip(2);
    let (service, _region, _account, resource) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    // The contract's pattern leaves the word out that AWS was recorded to write.
    let mut path = resource.strip_prefix("catalog/").unwrap_or(resource).split('/');
    let (named, kind, id) = (path.next()?, path.next()?, path.next()?);
    let whole = path.next().is_none() && !id.is_empty();
    (service == "partnercentral" && named == catalog.as_str() && kind == wanted && whole).then_some(id)
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
    fn an_engagement_and_an_invitation_are_meant_by_arn_or_by_identifier() {
        let arn = engagement(DEFAULT_REGION, Catalog::Aws, "eng-xjn5vr10vyjm1t");
        assert_eq!(
            arn,
            "arn:aws:partnercentral:us-east-1::catalog/AWS/engagement/eng-xjn5vr10vyjm1t"
        );
        assert_eq!(engagement_id(Catalog::Aws, &arn), Some("eng-xjn5vr10vyjm1t"));
        assert_eq!(engagement_id(Catalog::Aws, "eng-1"), Some("eng-1"));
        assert_eq!(engagement_id(Catalog::Sandbox, &arn), None, "another catalog");
        assert_eq!(engagement_invitation_id(Catalog::Aws, &arn), None, "another kind");
        let invitation = engagement_invitation(DEFAULT_REGION, Catalog::Sandbox, "engi-dansn8enotil9");
        assert_eq!(
            invitation,
            "arn:aws:partnercentral:us-east-1::catalog/Sandbox/engagement-invitation/engi-dansn8enotil9"
        );
        assert_eq!(
            engagement_invitation_id(Catalog::Sandbox, &invitation),
            Some("engi-dansn8enotil9")
        );
        for broken in [
            "arn:",
            "arn:aws:s3:::bucket",
            "arn:aws:partnercentral:us-east-1::catalog/AWS/engagement/",
            "arn:aws:partnercentral:us-east-1::catalog/AWS/engagement/eng-1/resource",
        ] {
            assert_eq!(engagement_id(Catalog::Aws, broken), None, "{broken}");
        }
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
