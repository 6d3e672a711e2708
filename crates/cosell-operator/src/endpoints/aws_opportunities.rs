//! AWS's own side of a deal, as AWS's seller keeps it.

use cosell_domain::opportunity::aws_side::change::{EDIT, Edit};
use cosell_model::Violation;
use schemars::{Schema, SchemaGenerator};

use super::deals::AwsOpportunity;
use crate::document::Document;
use crate::endpoint::{Endpoint, IN_CATALOG, Method, OPPORTUNITY, shape};
use crate::problem::Fault;
use crate::shapes::{Names, schema};
use crate::{Call, Problem, Reply, Scope};

pub(super) static ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        method: Method::Get,
        path: "/aws-opportunities/{id}",
        id: "getAwsOpportunity",
        scope: Scope::Read,
        summary: "Show AWS's side of an opportunity",
        description: "It is there from the first submission on.",
        parameters: &[OPPORTUNITY, IN_CATALOG],
        request: None,
        answer: Some(shape::<AwsOpportunity>),
        status: 200,
        run: |call| Box::pin(show(call)),
    },
    Endpoint {
        method: Method::Patch,
        path: "/aws-opportunities/{id}",
        id: "updateAwsOpportunity",
        scope: Scope::Review,
        summary: "Change AWS's side of an opportunity",
        description: "Members that are left out stay, null clears, anything else is set; members of insights, \
                      relatedEntityIds, customer and project each by itself. The partner sees it with \
                      GetAwsOpportunitySummary and in the snapshots of AWS's view.",
        parameters: &[OPPORTUNITY, IN_CATALOG],
        request: Some(edit),
        answer: Some(shape::<AwsOpportunity>),
        status: 200,
        run: |call| Box::pin(update(call)),
    },
];

fn edit(generator: &mut SchemaGenerator) -> Schema {
    schema(generator, &EDIT, Names::Edit, &[])
}

/// What is wrong with the form of an edit: dotted paths as JSON pointers.
fn faulty(violations: Vec<Violation>) -> Problem {
    let fault = |one: Violation| Fault {
        pointer: Some(match one.field_name.as_deref() {
            None | Some("") => String::new(),
            Some(path) => format!("/{}", path.replace('.', "/")),
        }),
        parameter: None,
        detail: one.message,
    };
    Problem::faulty(violations.into_iter().map(fault).collect())
}

async fn show(call: &Call<'_>) -> Result<Reply, Problem> {
    let service = call.operator.service();
    let seen = service.deal(call.in_catalog(), call.required("id")?).await?;
    Reply::json(&AwsOpportunity::of(seen, call)?)
}

async fn update(call: &Call<'_>) -> Result<Reply, Problem> {
    let Document(sent) = call.body()?;
    let change = Edit::parse(sent).map_err(faulty)?;
    let (service, id) = (call.operator.service(), call.required("id")?);
    let seen = service
        .edit_aws_side(&call.by(), call.in_catalog(), id, &change)
        .await?;
    Reply::json(&AwsOpportunity::of(seen, call)?)
}
