"""The server against the service model that boto3 itself carries: every operation is known, every shape is checked."""

import pytest
import raw
from botocore.exceptions import ClientError
from botocore.session import get_session
from harness import SERVICE

MODEL = get_session().get_service_model(SERVICE)

ARN = "arn:aws:partnercentral:us-east-1:111122223333:catalog/Sandbox/opportunity/O1"
# Enough of each required member to pass the shape check; what is not listed is made from the model.
SAMPLES = {
    "AwsAccountId": "444455556666",
    "BusinessProblem": "One place for all of the data.",
    "Email": "ada@example.com",
    "TargetCompletionDate": "2099-12-31",
    "WebsiteUrl": "https://example.com",
    "Catalog": "Sandbox",
    "ClientToken": "token-of-a-test",
    "EngagementIdentifier": "eng-00000000000000",
    "EngagementInvitationIdentifier": "engi-0000000000000",
    "Identifier": "engi-0000000000000",
    "ParticipantType": "RECEIVER",
    "ResourceArn": ARN,
    "ResourceIdentifier": "O1234567",
    "ResourceSnapshotTemplateIdentifier": "OpportunitySummaryView",
    "ResourceSnapshotTemplateName": "OpportunitySummaryView",
    "ResourceType": "Opportunity",
    "ContextIdentifier": "1",
    "EngagementContextId": "1",
    "ResourceSnapshotJobIdentifier": "job-0000000000000",
    "TaskIdentifier": "task-00000000000000",
    "TaskName": "Prospecting",
}
# Where the name of a member says less than the operation.
BY_OPERATION = {
    "AssignOpportunity": {"Identifier": "O1234567"},
    "GetEngagement": {"Identifier": "eng-00000000000000"},
    "GetOpportunity": {"Identifier": "O1234567"},
    "ListEngagementMembers": {"Identifier": "eng-00000000000000"},
    "StartEngagementFromOpportunityTask": {"Identifier": "O1234567"},
    "StartOpportunityFromEngagementTask": {"Identifier": "eng-00000000000000"},
    "StartProspectingFromEngagementTask": {"Identifiers": ["eng-00000000000000"]},
    "SubmitOpportunity": {"Identifier": "O1234567"},
    "UpdateOpportunity": {"Identifier": "O1234567"},
}


def sample(shape, name=""):
    """A small valid value of a shape."""
    if name in SAMPLES and shape.type_name == "string":
        return SAMPLES[name]
    if shape.type_name == "structure":
        if getattr(shape, "is_tagged_union", False):
            first = next(iter(shape.members))
            return {first: sample(shape.members[first], first)}
        return {member: sample(shape.members[member], member) for member in shape.required_members}
    if shape.type_name == "list":
        return [sample(shape.member, name[:-1])] * max(1, shape.metadata.get("min", 1))
    if shape.type_name == "string":
        if shape.enum:
            return shape.enum[0]
        return {"Key": "k", "Value": "v"}.get(name, "O1234567" if "Opportunity" in name else "eng-00000000000000")
    if shape.type_name == "timestamp":
        return "2026-11-21T08:49:04.546Z"
    if shape.type_name == "integer":
        return max(1, shape.metadata.get("min", 1))
    if shape.type_name == "boolean":
        return True
    raise AssertionError(f"no sample for {shape}")


def method(client, operation):
    """The method of boto3 that calls an operation."""
    return next(
        getattr(client, python) for python, name in client.meta.method_to_api_mapping.items() if name == operation
    )


def test_the_model_of_boto3_has_the_operations_that_the_server_was_built_for():
    assert len(MODEL.operation_names) == 45


@pytest.mark.parametrize("operation", MODEL.operation_names)
def test_the_server_knows_the_operation_and_what_it_requires(server, operation):
    shape = MODEL.operation_model(operation).input_shape
    answer = raw.call(server.endpoint, operation, {})
    required = {name[0].lower() + name[1:] for name in shape.required_members}
    assert answer.status == 400
    assert answer.json["__type"].endswith("#ValidationException"), answer.json
    assert answer.json["Reason"] == "REQUEST_VALIDATION_FAILED"
    found = {item["FieldName"]: item["Code"] for item in answer.json["ErrorList"]}
    # AWS calls idempotency tokens required in the model, and its SDKs fill them in.
    assert found == dict.fromkeys(required, "REQUIRED_FIELD_MISSING")


@pytest.mark.parametrize("operation", MODEL.operation_names)
def test_a_request_of_the_right_shape_is_answered_as_the_model_says(client, operation):
    model = MODEL.operation_model(operation)
    request = {**sample(model.input_shape), **BY_OPERATION.get(operation, {})}
    try:
        answer = method(client, operation)(**request)
    except ClientError as error:
        refused = error.response
        assert refused["Error"]["Code"] in {shape.name for shape in model.error_shapes}, refused
        assert refused.get("Reason") != "REQUEST_VALIDATION_FAILED", refused
        assert refused["ResponseMetadata"]["HTTPStatusCode"] == 400
    else:
        known = set(model.output_shape.members) if model.output_shape else set()
        assert set(answer) - {"ResponseMetadata"} <= known


def test_an_operation_outside_the_model_is_unknown(server):
    for operation in ("DeleteOpportunity", "getOpportunity", ""):
        answer = raw.call(server.endpoint, operation, {})
        assert answer.status == 400
        assert answer.json["__type"].endswith("UnknownOperationException")
