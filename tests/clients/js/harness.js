// What every test of the JavaScript SDK needs: a server of its own, clients for its accounts, requests to start from.
// Starts the server's binary and nothing else; must never import from the project.

import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import { PartnerCentralSellingClient } from "@aws-sdk/client-partnercentral-selling";

export const ONE = {
  id: "111122223333",
  credentials: {
    accessKeyId: "AKIAIOSFODNN7EXAMPLE",
    secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
  },
};
export const TWO = {
  id: "444455556666",
  credentials: {
    accessKeyId: "AKIAI44QH8DHBEXAMPLE",
    secretAccessKey: "je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY",
  },
};
export const REGION = "us-east-1";

// Requests must depend on nothing but what the tests say.
for (const name of Object.keys(process.env)) if (name.startsWith("AWS_")) delete process.env[name];

function binary() {
  const path = process.env.COSELL_BIN ?? fileURLToPath(new URL("../../../target/debug/cosell", import.meta.url));
  if (!existsSync(path)) {
    throw new Error(`${path} does not exist: run \`cargo build -p cosell\`, or set COSELL_BIN to the binary`);
  }
  return path;
}

/** Starts a development server on a free port; answers its endpoint, its banner and how to end it. */
export async function startServer(...options) {
  const child = spawn(binary(), ["dev", "--ephemeral", "--listen", "127.0.0.1:0", ...options], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  let endpoint;
  let banner = "";
  for await (const line of createInterface({ input: child.stdout })) {
    banner += `${line}\n`;
    if (line.startsWith("endpoint")) endpoint = line.split(/\s+/)[1];
    if (line.startsWith("ready in")) break;
  }
  if (!endpoint) throw new Error(`the server did not become ready. It said:\n${banner}`);
  child.stdout.resume();
  return {
    endpoint,
    banner,
    async stop() {
      child.kill("SIGTERM");
      await ended;
    },
  };
}

/** A client as a user makes it. */
export function connect(endpoint, account = ONE, settings = {}) {
  return new PartnerCentralSellingClient({ region: REGION, endpoint, credentials: account.credentials, ...settings });
}

/** A date that many days from today, in UTC. */
export function inDays(days) {
  return new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);
}

/** Input of CreateOpportunity with everything that a submission asks for. */
export function draft(title = "Data lake", members = {}) {
  return {
    Catalog: "Sandbox",
    ClientToken: randomUUID(),
    OpportunityType: "Net New Business",
    PrimaryNeedsFromAws: ["Co-Sell - Deal Support"],
    PartnerOpportunityIdentifier: "crm-1",
    Customer: {
      Account: {
        CompanyName: "Example Customer",
        Industry: "Software and Internet",
        WebsiteUrl: "https://customer.example.com",
        Address: { CountryCode: "US", StateOrRegion: "California", PostalCode: "94105" },
      },
    },
    Project: {
      Title: title,
      CustomerBusinessProblem: "The customer needs one place for all of its data.",
      CustomerUseCase: "Migration/Database Migration",
      DeliveryModels: ["SaaS or PaaS"],
      SalesActivities: ["SOW Signed"],
      ExpectedCustomerSpend: [
        { Amount: "10000.00", CurrencyCode: "USD", Frequency: "Monthly", TargetCompany: "AWS" },
      ],
    },
    Marketing: { Source: "None" },
    LifeCycle: { Stage: "Qualified", TargetCloseDate: inDays(120), NextSteps: "Call them" },
    ...members,
  };
}
