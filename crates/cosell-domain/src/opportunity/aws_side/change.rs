//! The form in which a change of AWS's side is asked for: members that are left out stay, `null` clears, anything else
//! is set. Its JSON has the operator's names (`targetCloseDate`). Judges the form alone; what is allowed is in `edit`.

use cosell_model::enums::{
    AwsClosedLostReason, AwsOpportunityStage, AwsPartition, EngagementScore, InvolvementTypeChangeReason,
    SalesInvolvementType, Visibility,
};
use cosell_model::types::{
    AwsProductsSpendInsightsBySource, AwsSoftwareRevenue, AwsTeamMember, Contact, ExpectedCustomerSpend,
    OpportunityQuality, Recommendation,
};
use cosell_model::{Member, Shape, ShapeKind, Violation, shapes};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use serde_json::Value;

use crate::{Violations, camel};

/// How AWS works a deal: the three documented values (behaviours 2.16), which the contract types as any text.
pub const COSELL_MOTIONS: &[&str] = &["AWS Field-engaged", "Agent-engaged", "Partner-led"];

/// How many of AWS's people a deal names: as many as of the partner's. The contract sets no bound.
pub const TEAM_LIMIT: u32 = 10;

/// What becomes of one member.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Patch<T> {
    /// It stays as it is.
    #[default]
    Keep,
    /// It becomes absent.
    Clear,
    /// It becomes this.
    Set(T),
}

impl<T> Patch<T> {
    /// True when the member stays.
    pub const fn is_keep(&self) -> bool {
        matches!(self, Patch::Keep)
    }

    /// The value that is set, if one is.
    pub const fn set(&self) -> Option<&T> {
        match self {
            Patch::Set(value) => Some(value),
            Patch::Keep | Patch::Clear => None,
        }
    }

    /// Does it to a member.
    pub fn apply(self, member: &mut Option<T>) {
        match self {
            Patch::Keep => {}
            Patch::Clear => *member = None,
            Patch::Set(value) => *member = Some(value),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Option::deserialize(deserializer)?;
        Ok(value.map_or(Patch::Clear, Patch::Set))
    }
}

impl<T: Serialize> Serialize for Patch<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.set().serialize(serializer)
    }
}

/// A change of AWS's side of a deal. Read it with [`Edit::parse`] or through serde's entry points (`serde_json::from_str`);
/// the derived functions of this type itself speak the contract's names and are the inside of those.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, remote = "Self", rename_all = "PascalCase")]
pub struct Edit {
    /// AWS's stage; there is always one.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    pub stage: Patch<AwsOpportunityStage>,
    /// What AWS does next, at most 255 characters; new steps enter the history.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    pub next_steps: Patch<String>,
    /// When AWS expects the deal to close, `YYYY-MM-DD`.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    pub target_close_date: Patch<String>,
    /// Why AWS lost it; only in a stage of a lost deal.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    pub closed_lost_reason: Patch<AwsClosedLostReason>,
    /// AWS's people on the deal, all of them, at most [`TEAM_LIMIT`].
    #[serde(skip_serializing_if = "Patch::is_keep")]
    pub opportunity_team: Patch<Vec<AwsTeamMember>>,
    /// Scores and recommendations, each member by itself.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    pub insights: Patch<InsightsEdit>,
    /// How AWS works the deal: one of [`COSELL_MOTIONS`].
    #[serde(skip_serializing_if = "Patch::is_keep")]
    pub cosell_motion: Patch<String>,
    /// How AWS is involved.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    pub involvement_type: Patch<SalesInvolvementType>,
    /// Why AWS changed that.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    pub involvement_type_change_reason: Patch<InvolvementTypeChangeReason>,
    /// Who at AWS may see the deal.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    pub visibility: Patch<Visibility>,
    /// The entities that AWS relates to the deal, each list by itself; cleared ones show the partner's again.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    pub related_entity_ids: Patch<RelatedEdit>,
    /// The customer's people as AWS knows them; cleared, they are the partner's again.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    pub customer: Patch<CustomerEdit>,
    /// AWS's own sizing, each member by itself; cleared ones show the partner's again.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    pub project: Patch<ProjectEdit>,
    /// AWS's own figures of the software deal, as a whole.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    pub software_revenue: Patch<AwsSoftwareRevenue>,
}

/// A change of AWS's insights.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct InsightsEdit {
    /// What AWS advises to do, in free words.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    pub next_best_actions: Patch<String>,
    /// How much AWS engages.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    pub engagement_score: Patch<EngagementScore>,
    /// What the customer spends on which AWS products, by whom that was estimated.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    pub aws_products_spend_insights_by_source: Patch<AwsProductsSpendInsightsBySource>,
    /// A score of 0 to 100 and its trend.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    pub opportunity_quality: Patch<OpportunityQuality>,
    /// At most five recommendations.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    pub recommendations: Patch<Vec<Recommendation>>,
}

/// A change of the entities that AWS relates to a deal.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct RelatedEdit {
    /// AWS products.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    pub aws_products: Patch<Vec<String>>,
    /// Solutions, `S-…`.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    pub solutions: Patch<Vec<String>>,
    /// ARNs of Marketplace solutions.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    pub aws_marketplace_solutions: Patch<Vec<String>>,
    /// ARNs of Marketplace products.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    pub aws_marketplace_products: Patch<Vec<String>>,
}

/// A change of what AWS knows of the customer.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct CustomerEdit {
    /// The customer's people, all of them.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    pub contacts: Patch<Vec<Contact>>,
}

/// A change of AWS's sizing of the project.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct ProjectEdit {
    /// The spend that AWS expects, all entries.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    pub expected_customer_spend: Patch<Vec<ExpectedCustomerSpend>>,
    /// The AWS partition of the deal.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    pub aws_partition: Patch<AwsPartition>,
}

const fn member(name: &'static str, path_name: &'static str, shape: &'static Shape) -> Member {
    Member {
        name,
        path_name,
        shape,
        required: false,
    }
}

static COSELL_MOTION: Shape = Shape {
    name: "CosellMotion",
    sensitive: false,
    kind: ShapeKind::String {
        min: None,
        max: None,
        pattern: None,
        values: COSELL_MOTIONS,
        read_only: &[],
        enforced_in_answers: true,
    },
};

static TEAM: Shape = Shape {
    name: "AwsOpportunityTeam",
    sensitive: false,
    kind: ShapeKind::List {
        element: &shapes::AWS_TEAM_MEMBER,
        min: None,
        max: Some(TEAM_LIMIT),
    },
};

/// The table of an edit: its members, their names in the operator's JSON (`path_name`) and their bounds.
pub static EDIT: Shape = Shape {
    name: "AwsOpportunityEdit",
    sensitive: false,
    kind: ShapeKind::Structure {
        members: &[
            member("Stage", "stage", &shapes::AWS_OPPORTUNITY_STAGE),
            member(
                "NextSteps",
                "nextSteps",
                &shapes::AWS_OPPORTUNITY_LIFE_CYCLE_NEXT_STEPS_STRING,
            ),
            member("TargetCloseDate", "targetCloseDate", &shapes::DATE),
            member(
                "ClosedLostReason",
                "closedLostReason",
                &shapes::AWS_CLOSED_LOST_REASON,
            ),
            member("OpportunityTeam", "opportunityTeam", &TEAM),
            member("Insights", "insights", &shapes::AWS_OPPORTUNITY_INSIGHTS),
            member("CosellMotion", "cosellMotion", &COSELL_MOTION),
            member(
                "InvolvementType",
                "involvementType",
                &shapes::SALES_INVOLVEMENT_TYPE,
            ),
            member(
                "InvolvementTypeChangeReason",
                "involvementTypeChangeReason",
                &shapes::INVOLVEMENT_TYPE_CHANGE_REASON,
            ),
            member("Visibility", "visibility", &shapes::VISIBILITY),
            member(
                "RelatedEntityIds",
                "relatedEntityIds",
                &shapes::AWS_OPPORTUNITY_RELATED_ENTITIES,
            ),
            member("Customer", "customer", &shapes::AWS_OPPORTUNITY_CUSTOMER),
            member("Project", "project", &shapes::AWS_OPPORTUNITY_PROJECT),
            member(
                "SoftwareRevenue",
                "softwareRevenue",
                &shapes::AWS_SOFTWARE_REVENUE,
            ),
        ],
        union: false,
    },
};

impl Edit {
    /// Reads an edit; everything that is wrong with its form at once, unknown members included.
    pub fn parse(document: Value) -> Result<Self, Vec<Violation>> {
        let wire = camel::read(&EDIT, document)?;
        // With the remote derive, this reads the contract's names.
        Edit::deserialize(wire).map_err(|error| {
            let mut found = Violations::new();
            found.add_general(
                cosell_model::enums::ValidationExceptionErrorCode::InvalidValue,
                format!("The edit cannot be read: {error}"),
            );
            found.into_vec()
        })
    }

    /// The edit with the contract's names, as [`EDIT`] describes it.
    pub(super) fn to_wire(&self) -> Result<Value, serde_json::Error> {
        Edit::serialize(self, serde_json::value::Serializer)
    }
}

impl<'de> Deserialize<'de> for Edit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let document = <Value as Deserialize>::deserialize(deserializer)?;
        Edit::parse(document).map_err(|violations| {
            let faults: Vec<String> = violations.into_iter().map(|one| one.message).collect();
            de::Error::custom(faults.join("; "))
        })
    }
}

impl Serialize for Edit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let wire = self.to_wire().map_err(ser::Error::custom)?;
        camel::written(&EDIT, wire).serialize(serializer)
    }
}
