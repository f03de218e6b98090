// Home: what runs, its health with reasons, its store, its limits, the configuration in force without secrets.

import assert from "node:assert/strict";

import { openPage } from "./lib/browser.mjs";
import { scenario } from "./lib/scenario.mjs";
import { Service, command } from "./lib/service.mjs";
import { until } from "./lib/until.mjs";

const cells = (page, table) => page.locator(`${table} tbody tr`).evaluateAll((rows) => rows.map((row) => [...row.cells].map((cell) => cell.textContent)));

// {name: value} of a list of facts.
const facts = (page, list) =>
  page.locator(list).evaluate((dl) => Object.fromEntries([...dl.querySelectorAll("dt")].map((dt) => [dt.textContent, dt.nextElementSibling.textContent])));

scenario("home tells version, build, uptime, health, store, limits and the configuration in force", async (t) => {
  const service = await (await Service.start(["--sync-interval", "7s"], { RATE_LIMIT: "5000/s" })).ready();
  t.after(() => service.remove());
  await service.increment("a", 1);
  const page = await openPage(service, { tab: "home" });
  await until("all is told", async () => (await cells(page, "#configuration")).length > 20 && (await cells(page, "#limits")).length > 3);
  const process = await facts(page, "#process");
  assert.ok((await command("version")).stdout.includes(process.Version));
  assert.match(process.Commit, /^[0-9a-f]{7,}/);
  assert.match(process.Compiler, /^(gcc|clang) /);
  assert.match(process["Runs with"], /sqlite \d/);
  assert.match(process["Listens on"], new RegExp(service.url));
  const store = await facts(page, "#store");
  assert.equal(store.System, "sqlite");
  assert.match(store.Flushes, /every 7(\.\d+)?\u202fs/);
  const health = await cells(page, "#health");
  assert.ok(health.length >= 5 && health.every(([name, state, reason]) => name && state === "ok" && reason), JSON.stringify(health));
  const limits = await cells(page, "#limits");
  for (const name of ["Counter table", "Journal on disk", "Connections"]) assert.ok(limits.some((row) => row[0] === name), name);
  const options = new Map((await cells(page, "#configuration")).map(([name, value, from]) => [name, [value, from]]));
  assert.deepEqual(options.get("--sync-interval"), ["7s", "command line"]);
  assert.deepEqual(options.get("--rate-limit"), ["5000/s", "environment"]);
  assert.equal(options.get("--durability")[1], "default");
  const up = process.Up;
  await until("uptime moves", async () => (await facts(page, "#process")).Up !== up);
  assert.deepEqual(page.problems, []);
});

scenario("a database that is away is told with its reason, and its password is not", async (t) => {
  const service = await Service.start(["--database-url", "postgres://counter:hunter2secret@127.0.0.1:1/none"]);
  t.after(() => service.remove());
  const page = await openPage(service, { tab: "home" });
  await until("the database is told to be failing", async () => (await cells(page, "#health")).some(([name, state, reason]) => name === "database" && state === "failing" && reason.length > 5));
  await until("its URL is shown", async () => (await cells(page, "#configuration")).some(([name, value]) => name === "--database-url" && value.includes("127.0.0.1:1")));
  assert.match((await facts(page, "#store")).URL, /127\.0\.0\.1:1/);
  assert.equal((await page.content()).includes("hunter2secret"), false);
  assert.deepEqual(page.problems, []);
});
