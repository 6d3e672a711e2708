// The AWS SDK for JavaScript v3 against a running server.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import {
  AssignOpportunityCommand,
  AssociateOpportunityCommand,
  ConflictException,
  CreateOpportunityCommand,
  DisassociateOpportunityCommand,
  GetAwsOpportunitySummaryCommand,
  GetOpportunityCommand,
  ListOpportunitiesCommand,
  ListSolutionsCommand,
  ListTagsForResourceCommand,
  paginateListOpportunities,
  paginateListSolutions,
  ResourceNotFoundException,
  SubmitOpportunityCommand,
  TagResourceCommand,
  ThrottlingException,
  UntagResourceCommand,
  UpdateOpportunityCommand,
  ValidationException,
} from "@aws-sdk/client-partnercentral-selling";

import { connect, draft, ONE, startServer, TWO } from "../harness.js";

const Catalog = "Sandbox";

async function get(client, Identifier) {
  return client.send(new GetOpportunityCommand({ Catalog, Identifier }));
}

async function create(client, title, members) {
  return (await client.send(new CreateOpportunityCommand(draft(title, members)))).Id;
}

/** What GetOpportunity answers, made into the input of UpdateOpportunity. */
async function echo(client, Identifier) {
  const { $metadata, Id, Arn, CreatedDate, OpportunityTeam, RelatedEntityIdentifiers, ...rest } = await get(
    client,
    Identifier,
  );
  return { ...rest, Identifier: Id };
}

async function submitted(client, title) {
  const Identifier = await create(client, title);
  const related = {
    Catalog,
    OpportunityIdentifier: Identifier,
    RelatedEntityType: "Solutions",
    RelatedEntityIdentifier: "S-1234567",
  };
  await client.send(new AssociateOpportunityCommand(related));
  await client.send(new SubmitOpportunityCommand({ Catalog, Identifier, InvolvementType: "Co-Sell" }));
  return Identifier;
}

async function review(client, Identifier, ReviewStatus, more = {}) {
  const request = await echo(client, Identifier);
  Object.assign(request.LifeCycle, { ReviewStatus }, more);
  return client.send(new UpdateOpportunityCommand(request));
}

describe("the SDK for JavaScript", () => {
  let server;
  let client;
  before(async () => {
    server = await startServer();
    client = connect(server.endpoint);
  });
  after(async () => {
    client.destroy();
    await server.stop();
  });

  test("takes an opportunity from the draft through approval to launch", async () => {
    const Identifier = await submitted(client, "Lifecycle");
    assert.equal((await get(client, Identifier)).LifeCycle.ReviewStatus, "Submitted");
    const summary = await client.send(
      new GetAwsOpportunitySummaryCommand({ Catalog, RelatedOpportunityIdentifier: Identifier }),
    );
    assert.equal(summary.InvolvementType, "Co-Sell");
    await review(client, Identifier, "Approved");
    for (const Stage of ["Committed", "Launched"]) {
      const request = await echo(client, Identifier);
      request.LifeCycle.Stage = Stage;
      request.Customer.Account.AwsAccountId = "123456789012";
      await client.send(new UpdateOpportunityCommand(request));
    }
    assert.equal((await get(client, Identifier)).LifeCycle.Stage, "Launched");
  });

  test("sees the sandbox ask for action and reject", async () => {
    const Identifier = await submitted(client, "Verdicts");
    await review(client, Identifier, "Action Required", { ReviewComments: "Who is it?" });
    assert.equal((await get(client, Identifier)).LifeCycle.ReviewComments, "Who is it?");
    await review(client, Identifier, "Rejected", { ReviewStatusReason: "Duplicate" });
    const { LifeCycle } = await get(client, Identifier);
    assert.deepEqual([LifeCycle.ReviewStatus, LifeCycle.ReviewStatusReason], ["Rejected", "Duplicate"]);
  });

  test("parses timestamps into Dates that open the lock again and again", async () => {
    const Identifier = await create(client, "Dates");
    let last = new Date(0);
    for (let round = 0; round < 5; round += 1) {
      const request = await echo(client, Identifier);
      assert.ok(request.LastModifiedDate instanceof Date);
      assert.ok(request.LastModifiedDate > last);
      last = request.LastModifiedDate;
      const answer = await client.send(new UpdateOpportunityCommand(request));
      assert.ok(answer.LastModifiedDate > last);
    }
    const stale = await echo(client, Identifier);
    stale.LastModifiedDate = new Date(stale.LastModifiedDate.getTime() - 1);
    await assert.rejects(client.send(new UpdateOpportunityCommand(stale)), (error) => {
      assert.ok(error instanceof ConflictException);
      assert.equal(error.name, "ConflictException");
      assert.equal(error.$metadata.httpStatusCode, 400);
      return true;
    });
  });

  test("parses a ValidationException with its Reason and ErrorList", async () => {
    const request = draft("Wrong", { OpportunityType: "Nonsense" });
    request.Project.CustomerBusinessProblem = "short";
    await assert.rejects(client.send(new CreateOpportunityCommand(request)), (error) => {
      assert.ok(error instanceof ValidationException);
      assert.equal(error.name, "ValidationException");
      assert.equal(error.Reason, "REQUEST_VALIDATION_FAILED");
      const found = error.ErrorList.map(({ FieldName, Code }) => [FieldName, Code]).sort();
      assert.deepEqual(found, [
        ["opportunityType", "INVALID_ENUM_VALUE"],
        ["project.customerBusinessProblem", "INVALID_STRING_FORMAT"],
      ]);
      assert.ok(error.ErrorList.every(({ Message }) => Message));
      assert.notEqual(error.message, "UnknownError");
      assert.match(error.$metadata.requestId, /^[0-9a-f-]{36}$/);
      return true;
    });
  });

  test("parses violations of the business rules", async () => {
    const request = draft("Past");
    request.LifeCycle.TargetCloseDate = "2020-01-01";
    await assert.rejects(client.send(new CreateOpportunityCommand(request)), (error) => {
      assert.ok(error instanceof ValidationException);
      assert.equal(error.Reason, "BUSINESS_VALIDATION_FAILED");
      assert.deepEqual(
        error.ErrorList.map(({ FieldName }) => FieldName),
        ["lifeCycle.targetCloseDate"],
      );
      return true;
    });
  });

  test("knows what is not found, also across accounts", async () => {
    const Identifier = await create(client, "Mine");
    const other = connect(server.endpoint, TWO);
    // One after the other: a promise that is rejected before anybody waits for it ends the run.
    for (const [who, named] of [[client, "O404"], [other, Identifier]]) {
      await assert.rejects(get(who, named), (error) => error instanceof ResourceNotFoundException);
    }
    other.destroy();
  });

  test("fills in a client token of its own, and replays one that it is given", async () => {
    const { ClientToken, ...request } = draft("Tokens");
    const ids = [];
    for (const token of [undefined, undefined, ClientToken, ClientToken]) {
      const input = token ? { ...request, ClientToken: token } : request;
      ids.push((await client.send(new CreateOpportunityCommand(input))).Id);
    }
    assert.equal(new Set(ids).size, 3);
    assert.equal(ids[2], ids[3]);
  });

  test("walks over more than one hundred rows with its paginator", async () => {
    const account = { credentials: { accessKeyId: "777700001111", secretAccessKey: "any" } };
    const own = connect(server.endpoint, account);
    const made = [];
    for (let number = 0; number < 105; number += 1) made.push(await create(own, `Deal ${number}`));
    for (const pageSize of [100, 33]) {
      const found = [];
      let pages = 0;
      for await (const page of paginateListOpportunities({ client: own, pageSize }, { Catalog })) {
        found.push(...page.OpportunitySummaries.map(({ Id }) => Id));
        pages += 1;
      }
      assert.deepEqual(found, made.toReversed());
      assert.equal(pages, Math.ceil(105 / pageSize));
    }
    own.destroy();
  });

  test("filters and sorts lists, by Dates too", async () => {
    const Identifier = await create(client, "Filtered");
    const { CreatedDate } = await get(client, Identifier);
    const { OpportunitySummaries } = await client.send(
      new ListOpportunitiesCommand({
        Catalog,
        LifeCycleStage: ["Qualified"],
        CreatedDate: { AfterCreatedDate: CreatedDate },
        Sort: { SortBy: "CreatedDate", SortOrder: "ASCENDING" },
      }),
    );
    assert.ok(OpportunitySummaries.some(({ Id }) => Id === Identifier));
    assert.ok(OpportunitySummaries.every((row) => row.CreatedDate >= CreatedDate));
  });

  test("lists solutions", async () => {
    const found = [];
    for await (const page of paginateListSolutions({ client, pageSize: 1 }, { Catalog })) {
      found.push(...page.SolutionSummaries.map(({ Id }) => Id));
    }
    assert.ok(found.includes("S-1234567"));
    const { SolutionSummaries } = await client.send(new ListSolutionsCommand({ Catalog, Status: ["Inactive"] }));
    assert.deepEqual(SolutionSummaries, []);
  });

  test("associates, disassociates, assigns and tags", async () => {
    const Identifier = await create(client, "Around it");
    const related = {
      Catalog,
      OpportunityIdentifier: Identifier,
      RelatedEntityType: "AwsProducts",
      RelatedEntityIdentifier: "AmazonEC2Linux",
    };
    await client.send(new AssociateOpportunityCommand(related));
    assert.deepEqual((await get(client, Identifier)).RelatedEntityIdentifiers.AwsProducts, ["AmazonEC2Linux"]);
    await client.send(new DisassociateOpportunityCommand(related));
    assert.deepEqual((await get(client, Identifier)).RelatedEntityIdentifiers.AwsProducts, []);
    const Assignee = {
      Email: "richard.roe@one.example.com",
      FirstName: "Richard",
      LastName: "Roe",
      BusinessTitle: "PartnerAccountManager",
    };
    await client.send(new AssignOpportunityCommand({ Catalog, Identifier, Assignee }));
    const { Arn, OpportunityTeam } = await get(client, Identifier);
    assert.ok(OpportunityTeam.some(({ Email }) => Email === Assignee.Email));
    await client.send(new TagResourceCommand({ ResourceArn: Arn, Tags: [{ Key: "größe", Value: "数据 xl" }] }));
    const tags = async () => (await client.send(new ListTagsForResourceCommand({ ResourceArn: Arn }))).Tags;
    assert.deepEqual(await tags(), [{ Key: "größe", Value: "数据 xl" }]);
    await client.send(new UntagResourceCommand({ ResourceArn: Arn, TagKeys: ["größe"] }));
    assert.deepEqual(await tags(), []);
  });

  test("sends and receives text of every script as it is", async () => {
    const Title = 'Żółć 数据湖 🏔️👩‍💻 "quoted" \\ & <b> \u2028';
    assert.equal((await get(client, await create(client, Title))).Project.Title, Title);
  });

  test("works through kept connections from many promises at once", async () => {
    const work = async (worker) => {
      const Identifier = await create(client, `Worker ${worker}`);
      const request = await echo(client, Identifier);
      request.LifeCycle.NextSteps = `By ${worker}`;
      await client.send(new UpdateOpportunityCommand(request));
      assert.equal((await get(client, Identifier)).LifeCycle.NextSteps, `By ${worker}`);
      return Identifier;
    };
    const made = await Promise.all(Array.from({ length: 64 }, (_, worker) => work(worker)));
    assert.equal(new Set(made).size, 64);
  });

  test("corrects a wrong clock of its machine by the server's Date and succeeds", async () => {
    const now = Date.now;
    for (const minutes of [-30, 30]) {
      const skewed = connect(server.endpoint);
      Date.now = () => now() + minutes * 60_000;
      try {
        const answer = await skewed.send(new ListSolutionsCommand({ Catalog }));
        assert.equal(answer.$metadata.attempts, 2);
      } finally {
        Date.now = now;
      }
      skewed.destroy();
    }
  });

  test("names what is wrong with its credentials", async () => {
    const cases = [
      [{ ...ONE.credentials, secretAccessKey: "wrong" }, "InvalidSignatureException"],
      [{ accessKeyId: "AKIAUNKNOWNEXAMPLE00", secretAccessKey: "any" }, "UnrecognizedClientException"],
    ];
    for (const [credentials, name] of cases) {
      const stranger = connect(server.endpoint, { credentials });
      await assert.rejects(stranger.send(new ListSolutionsCommand({ Catalog })), { name });
      stranger.destroy();
    }
  });

  test("retries what the published quotas throttle", async () => {
    const throttled = await startServer("--throttle", "aws");
    const patient = connect(throttled.endpoint, ONE, { maxAttempts: 12 });
    const answers = await Promise.all(
      [1, 2, 3].map((number) => patient.send(new CreateOpportunityCommand(draft(`Throttled ${number}`)))),
    );
    assert.equal(new Set(answers.map(({ Id }) => Id)).size, 3);
    assert.ok(answers.some(({ $metadata }) => $metadata.attempts > 1));
    const hasty = connect(throttled.endpoint, ONE, { maxAttempts: 1 });
    const outcomes = await Promise.allSettled(
      [1, 2, 3, 4].map((number) => hasty.send(new CreateOpportunityCommand(draft(`Hasty ${number}`)))),
    );
    const refused = outcomes.filter(({ status }) => status === "rejected").map(({ reason }) => reason);
    assert.ok(refused.length > 0);
    assert.ok(refused.every((error) => error instanceof ThrottlingException));
    patient.destroy();
    hasty.destroy();
    await throttled.stop();
  });
});
