// Co-selling with the AWS SDK for JavaScript from end to end: two partners and AWS, a lead, a referral.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, test } from "node:test";

import {
  AcceptEngagementInvitationCommand,
  AssociateOpportunityCommand,
  CreateEngagementCommand,
  CreateEngagementInvitationCommand,
  CreateOpportunityCommand,
  GetEngagementCommand,
  GetEngagementInvitationCommand,
  GetOpportunityCommand,
  GetResourceSnapshotCommand,
  ListEngagementInvitationsCommand,
  ListEngagementMembersCommand,
  ListEngagementsCommand,
  paginateListResourceSnapshots,
  RejectEngagementInvitationCommand,
  ResourceNotFoundException,
  StartEngagementByAcceptingInvitationTaskCommand,
  StartEngagementFromOpportunityTaskCommand,
  StartOpportunityFromEngagementTaskCommand,
  UpdateOpportunityCommand,
} from "@aws-sdk/client-partnercentral-selling";

import { connect, draft, inDays, ONE, startServer, TWO } from "../harness.js";

const Catalog = "Sandbox";
const AWS = "390403897881";
const VIEW = "OpportunitySummaryView";
const PROBLEM = "The customer needs one place for all of its data.";
const CUSTOMER = {
  CompanyName: "Example Customer",
  Industry: "Automotive",
  WebsiteUrl: "https://customer.example.com",
  CountryCode: "US",
};

async function get(client, Identifier) {
  return client.send(new GetOpportunityCommand({ Catalog, Identifier }));
}

async function update(client, identifier, change) {
  const { $metadata, Id, Arn, CreatedDate, OpportunityTeam, RelatedEntityIdentifiers, ...rest } = await get(
    client,
    identifier,
  );
  change(rest);
  return client.send(new UpdateOpportunityCommand({ ...rest, Identifier: Id }));
}

async function addSolution(client, OpportunityIdentifier) {
  const related = { RelatedEntityType: "Solutions", RelatedEntityIdentifier: "S-1234567" };
  return client.send(new AssociateOpportunityCommand({ Catalog, OpportunityIdentifier, ...related }));
}

async function submit(client, Identifier) {
  const AwsSubmission = { InvolvementType: "Co-Sell", Visibility: "Full" };
  return client.send(new StartEngagementFromOpportunityTaskCommand({ Catalog, Identifier, AwsSubmission }));
}

async function accept(client, Identifier) {
  return client.send(new StartEngagementByAcceptingInvitationTaskCommand({ Catalog, Identifier }));
}

async function invite(client, EngagementIdentifier, receiver, Payload) {
  const Invitation = { Message: "Join us", Receiver: { Account: { AwsAccountId: receiver } }, Payload };
  const request = { Catalog, ClientToken: randomUUID(), EngagementIdentifier, Invitation };
  return (await client.send(new CreateEngagementInvitationCommand(request))).Id;
}

function outline() {
  const spend = { Amount: "1000", CurrencyCode: "USD", Frequency: "Monthly", TargetCompany: "AWS" };
  return {
    OpportunityInvitation: {
      ReceiverResponsibilities: ["Reseller"],
      Customer: CUSTOMER,
      Project: {
        Title: "Data lake",
        BusinessProblem: PROBLEM,
        TargetCompletionDate: inDays(90),
        ExpectedCustomerSpend: [spend],
      },
    },
  };
}

function complete(task) {
  assert.equal(task.TaskStatus, "COMPLETE", `${task.ReasonCode}: ${task.Message}`);
  assert.equal(task.Message, undefined);
  return task;
}

function failed(task, reason) {
  assert.deepEqual([task.TaskStatus, task.ReasonCode], ["FAILED", reason]);
  assert.ok(task.Message);
  return task;
}

async function revisions(client, EngagementIdentifier, ResourceIdentifier) {
  const request = {
    Catalog,
    EngagementIdentifier,
    ResourceType: "Opportunity",
    ResourceIdentifier,
    ResourceSnapshotTemplateIdentifier: VIEW,
  };
  const numbers = [];
  for await (const page of paginateListResourceSnapshots({ client, pageSize: 1 }, request)) {
    numbers.push(...page.ResourceSnapshotSummaries.map((row) => row.Revision));
  }
  return numbers.sort((a, b) => a - b);
}

describe("co-selling with the SDK for JavaScript", () => {
  let server;
  let one;
  let two;
  before(async () => {
    server = await startServer();
    one = connect(server.endpoint);
    two = connect(server.endpoint, TWO);
    await two.send(new ListEngagementsCommand({ Catalog }));
  });
  after(async () => {
    one.destroy();
    two.destroy();
    await server.stop();
  });

  /** A submitted opportunity's task, and an invitation of the second account to it. */
  async function invited() {
    const { Id } = await one.send(new CreateOpportunityCommand(draft()));
    await addSolution(one, Id);
    const task = complete(await submit(one, Id));
    return { task, invitation: await invite(one, task.EngagementId, TWO.id, outline()) };
  }

  test("two partners and AWS sell together", async () => {
    const { task, invitation } = await invited();
    const { OpportunityId: mine, EngagementId: engagement } = task;
    assert.deepEqual(await revisions(one, engagement, mine), [1]);
    const { OpportunityId: theirs } = complete(await accept(two, invitation));
    const copy = await get(two, theirs);
    assert.equal(copy.LifeCycle.Stage, "Prospect");
    assert.equal(copy.LifeCycle.ReviewStatus, "Submitted");
    assert.equal(copy.Marketing.Source, "None");

    await update(one, mine, (request) => (request.LifeCycle.ReviewStatus = "Approved"));
    assert.equal((await get(two, theirs)).LifeCycle.ReviewStatus, "Approved");
    const members = await two.send(new ListEngagementMembersCommand({ Catalog, Identifier: engagement }));
    assert.deepEqual(
      members.EngagementMemberList.map((member) => member.AccountId),
      [ONE.id, TWO.id, AWS],
    );
    await update(one, mine, (request) => (request.LifeCycle.NextSteps = "Sign the contract"));
    assert.deepEqual(await revisions(two, engagement, mine), [1, 2, 3]);
    const newest = await two.send(
      new GetResourceSnapshotCommand({
        Catalog,
        EngagementIdentifier: engagement,
        ResourceType: "Opportunity",
        ResourceIdentifier: mine,
        ResourceSnapshotTemplateIdentifier: VIEW,
      }),
    );
    assert.equal(newest.Payload.OpportunitySummary.Lifecycle.NextSteps, "Sign the contract");
  });

  test("a lead becomes an opportunity and is submitted", async () => {
    const Contact = { BusinessTitle: "CIO", Email: "jane@customer.example.com", FirstName: "Jane", LastName: "Doe" };
    const { CountryCode, ...customer } = CUSTOMER;
    const Lead = {
      Customer: { ...customer, Address: { CountryCode } },
      Interactions: [{ BusinessProblem: PROBLEM, Contact }],
    };
    const Contexts = [{ Type: "Lead", Payload: { Lead } }];
    const room = await one.send(
      new CreateEngagementCommand({ Catalog, Title: "A lead", Description: "Of the fair", Contexts }),
    );
    const Identifier = await invite(one, room.Id, TWO.id, {
      LeadInvitation: {
        Customer: { CompanyName: CUSTOMER.CompanyName },
        Interaction: { ContactBusinessTitle: "CIO" },
      },
    });
    await two.send(new AcceptEngagementInvitationCommand({ Catalog, Identifier }));
    const convert = (ContextIdentifier) =>
      two.send(
        new StartOpportunityFromEngagementTaskCommand({ Catalog, Identifier: room.Id, ContextIdentifier }),
      );
    failed(await convert("9"), "ContextNotFound");
    const task = complete(await convert("1"));
    assert.deepEqual([task.EngagementId, task.ContextId], [room.Id, "2"]);
    assert.equal((await get(two, task.OpportunityId)).Project.Title, "Converted from Lead");
    await update(two, task.OpportunityId, (request) => {
      const { Customer, Project, PrimaryNeedsFromAws } = draft();
      Object.assign(request, { Customer, Project, PrimaryNeedsFromAws });
    });
    await addSolution(two, task.OpportunityId);
    const done = complete(await submit(two, task.OpportunityId));
    assert.equal(done.EngagementId, room.Id);
    assert.notEqual(done.ResourceSnapshotJobId, task.ResourceSnapshotJobId);
  });

  test("a referral is invisible until it is accepted", async () => {
    const title = `${randomUUID()} and a title that does not fit into forty characters`;
    const made = await one.send(new CreateOpportunityCommand(draft(title, { Origin: "AWS Referral" })));
    await assert.rejects(get(one, made.Id), ResourceNotFoundException);
    const listed = await one.send(
      new ListEngagementInvitationsCommand({ Catalog, ParticipantType: "RECEIVER", Status: ["PENDING"] }),
    );
    const row = listed.EngagementInvitationSummaries.find((row) => row.EngagementTitle === title.slice(0, 40));
    assert.equal(row.SenderAwsAccountId, AWS);
    assert.equal(row.ExpirationDate - row.InvitationDate, 15 * 86_400_000);
    assert.equal(complete(await accept(one, row.Id)).OpportunityId, made.Id);
    const found = await get(one, made.Id);
    assert.deepEqual([found.LifeCycle.ReviewStatus, found.LifeCycle.Stage], ["Approved", "Prospect"]);
    assert.deepEqual(found.CreatedDate, made.LastModifiedDate);
  });

  test("a rejected invitation opens nothing", async () => {
    const { task, invitation } = await invited();
    const RejectionReason = "Unable to support";
    await two.send(new RejectEngagementInvitationCommand({ Catalog, Identifier: invitation, RejectionReason }));
    failed(await accept(two, invitation), "InvitationValidationFailed");
    const room = new GetEngagementCommand({ Catalog, Identifier: task.EngagementId });
    await assert.rejects(two.send(room), ResourceNotFoundException);
    const read = await one.send(new GetEngagementInvitationCommand({ Catalog, Identifier: invitation }));
    assert.deepEqual([read.Status, read.RejectionReason], ["REJECTED", RejectionReason]);
  });

  test("of two acceptances at once one is complete", async () => {
    const { invitation } = await invited();
    const tasks = await Promise.all([accept(two, invitation), accept(two, invitation)]);
    const [done, lost] = tasks.sort((a, b) => a.TaskStatus.localeCompare(b.TaskStatus));
    complete(done);
    failed(lost, "EngagementInvitationConflict");
  });
});
