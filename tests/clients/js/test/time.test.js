// Time that goes by, as a user of the AWS SDK for JavaScript meets it.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";

import {
  AcceptEngagementInvitationCommand,
  ConflictException,
  CreateEngagementCommand,
  CreateEngagementInvitationCommand,
  CreateOpportunityCommand,
  GetEngagementInvitationCommand,
  ListOpportunitiesCommand,
} from "@aws-sdk/client-partnercentral-selling";

import { connect, draft, inDays, startServer, TWO } from "../harness.js";

const Catalog = "Sandbox";
let server;
let operate;

before(async () => {
  server = await startServer();
  const token = /^operator token (\S+)$/m.exec(server.banner)[1];
  operate = async (path, body) => {
    const answer = await fetch(`${server.endpoint}/operator/v1${path}`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    assert.ok(answer.ok, await answer.clone().text());
    return answer.json();
  };
});

after(() => server.stop());

test("an invitation expires after 15 days", async () => {
  const sender = connect(server.endpoint);
  const receiver = connect(server.endpoint, TWO);
  const room = await sender.send(
    new CreateEngagementCommand({ Catalog, ClientToken: randomUUID(), Title: "Lake", Description: "Plans of the lake" }),
  );
  const Customer = {
    CompanyName: "Example Customer",
    Industry: "Automotive",
    WebsiteUrl: "https://customer.example.com",
    CountryCode: "US",
  };
  const Project = {
    Title: "Data lake",
    BusinessProblem: "The customer needs one place for all of its data.",
    TargetCompletionDate: inDays(90),
    ExpectedCustomerSpend: [{ Amount: "1000", CurrencyCode: "USD", Frequency: "Monthly", TargetCompany: "AWS" }],
  };
  const { Id: Identifier } = await sender.send(
    new CreateEngagementInvitationCommand({
      Catalog,
      ClientToken: randomUUID(),
      EngagementIdentifier: room.Id,
      Invitation: {
        Message: "Join us",
        Receiver: { Account: { AwsAccountId: TWO.id } },
        Payload: { OpportunityInvitation: { ReceiverResponsibilities: ["Reseller"], Customer, Project } },
      },
    }),
  );
  const status = async () => (await receiver.send(new GetEngagementInvitationCommand({ Catalog, Identifier }))).Status;
  await operate("/clock/advance", { by: "14d" });
  assert.equal(await status(), "PENDING");
  await operate("/clock/advance", { by: "1d" });
  assert.equal(await status(), "EXPIRED");
  await assert.rejects(receiver.send(new AcceptEngagementInvitationCommand({ Catalog, Identifier })), ConflictException);
});

test("the SDK retries after a cut connection, and one opportunity is made", async () => {
  await operate("/faults", { operations: ["CreateOpportunity"], first: 1, effect: "dropAfterCommit" });
  const client = connect(server.endpoint);
  const before = (await client.send(new ListOpportunitiesCommand({ Catalog }))).OpportunitySummaries.length;
  const made = await client.send(new CreateOpportunityCommand(draft("Cut off")));
  assert.equal(made.$metadata.attempts, 2);
  const after = (await client.send(new ListOpportunitiesCommand({ Catalog }))).OpportunitySummaries;
  assert.equal(after.length, before + 1);
});
