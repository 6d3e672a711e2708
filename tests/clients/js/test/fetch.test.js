// Small signers on top of fetch, which sign the host and the date and nothing else, and web pages.

import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { after, before, describe, test } from "node:test";

import { draft, ONE, REGION, startServer } from "../harness.js";

const hmac = (key, text) => createHmac("sha256", key).update(text).digest();
const sha256 = (text) => createHash("sha256").update(text).digest("hex");

/** Calls an operation; only `host` and `x-amz-date`, and the headers named in `also`, are signed. */
async function call(endpoint, operation, body, { also = {}, unsigned = {}, text = JSON.stringify(body) } = {}) {
  const stamp = new Date().toISOString().replace(/[-:]|\.\d{3}/g, "");
  const signed = { host: new URL(endpoint).host, "x-amz-date": stamp, ...also };
  const names = Object.keys(signed).sort();
  const canonical = [
    "POST",
    "/",
    "",
    ...names.map((name) => `${name}:${signed[name]}`),
    "",
    names.join(";"),
    sha256(text),
  ].join("\n");
  const scope = `${stamp.slice(0, 8)}/${REGION}/partnercentral-selling/aws4_request`;
  const toSign = ["AWS4-HMAC-SHA256", stamp, scope, sha256(canonical)].join("\n");
  const { accessKeyId, secretAccessKey } = ONE.credentials;
  const key = scope.split("/").reduce(hmac, `AWS4${secretAccessKey}`);
  const signature = hmac(key, toSign).toString("hex");
  const { host, ...sent } = signed;
  return fetch(`${endpoint}/`, {
    method: "POST",
    body: text,
    headers: {
      "content-type": "application/x-amz-json-1.0",
      "x-amz-target": `AWSPartnerCentralSelling.${operation}`,
      ...sent,
      ...unsigned,
      authorization: `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scope}, SignedHeaders=${names.join(";")}, Signature=${signature}`,
    },
  });
}

describe("a small signer", () => {
  let server;
  before(async () => {
    server = await startServer();
  });
  after(() => server.stop());

  test("that signs only host and date creates and reads an opportunity", async () => {
    const created = await call(server.endpoint, "CreateOpportunity", draft("Small signer 🚀"));
    assert.equal(created.status, 200);
    const { Id } = await created.json();
    const found = await call(server.endpoint, "GetOpportunity", { Catalog: "Sandbox", Identifier: Id });
    assert.equal((await found.json()).Project.Title, "Small signer 🚀");
    assert.ok(found.headers.get("x-amzn-requestid"));
  });

  test("may sign the hash of the body, which must then be true", async () => {
    const body = { Catalog: "Sandbox" };
    const right = { "x-amz-content-sha256": sha256(JSON.stringify(body)) };
    assert.equal((await call(server.endpoint, "ListOpportunities", body, { also: right })).status, 200);
    const wrong = { "x-amz-content-sha256": sha256("something else") };
    const refused = await call(server.endpoint, "ListOpportunities", body, { also: wrong });
    assert.ok([400, 403].includes(refused.status));
    assert.match((await refused.json()).__type, /InvalidSignatureException$/);
  });

  test("gets the type of an error in header and body", async () => {
    const refused = await call(server.endpoint, "GetOpportunity", { Catalog: "Sandbox", Identifier: "O404" });
    assert.equal(refused.status, 400);
    assert.equal(refused.headers.get("x-amzn-errortype"), "ResourceNotFoundException");
    assert.match((await refused.json()).__type, /#ResourceNotFoundException$/);
  });

  test("is told in plain words that its JSON is broken", async () => {
    const refused = await call(server.endpoint, "ListOpportunities", null, { text: '{"Catalog": "Sandbox"' });
    assert.equal(refused.status, 400);
    const { __type, Message, message } = await refused.json();
    assert.match(__type, /SerializationException$/);
    assert.ok(Message ?? message);
  });

  test("may leave nothing unsigned that has a meaning to the signature", async () => {
    const answer = await fetch(server.endpoint, { method: "POST", body: "{}" });
    assert.ok([400, 403].includes(answer.status));
    assert.match((await answer.json()).__type, /MissingAuthenticationTokenException$/);
  });
});

describe("a web page", () => {
  let server;
  before(async () => {
    server = await startServer();
  });
  after(() => server.stop());

  const preflight = (origin) =>
    fetch(server.endpoint, {
      method: "OPTIONS",
      headers: {
        origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "amz-sdk-invocation-id,amz-sdk-request,authorization,content-type,x-amz-date,x-amz-target",
      },
    });

  test("of this machine may call the development server", async () => {
    const origin = "http://localhost:5173";
    const answer = await preflight(origin);
    assert.equal(answer.status, 204);
    assert.equal(answer.headers.get("access-control-allow-origin"), origin);
    const allowed = answer.headers.get("access-control-allow-headers").toLowerCase();
    for (const name of ["authorization", "x-amz-target", "amz-sdk-request", "content-type"]) {
      assert.ok(allowed.includes(name), name);
    }
    const found = await call(server.endpoint, "ListSolutions", { Catalog: "Sandbox" }, { unsigned: { origin } });
    assert.equal(found.status, 200);
    assert.equal(found.headers.get("access-control-allow-origin"), origin);
  });

  test("of another machine may not", async () => {
    const answer = await preflight("https://elsewhere.example.com");
    assert.equal(answer.headers.get("access-control-allow-origin"), null);
  });
});
