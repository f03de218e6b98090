// Counters: search, one key under watch, an increment tried from the page and its curl line, set and delete.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { promisify } from "node:util";

import { figure, openPage } from "./lib/browser.mjs";
import { scenario } from "./lib/scenario.mjs";
import { Service } from "./lib/service.mjs";
import { until } from "./lib/until.mjs";

const run = promisify(execFile);
const TRICKY = `it's "a" $(key) \\ ü`;

async function begin(t) {
  const service = await (await Service.start()).ready();
  t.after(() => service.remove());
  return service;
}

function end(page, ...expected) {
  const rest = page.problems.filter((problem) => !expected.some((pattern) => pattern.test(problem)));
  assert.deepEqual(rest, []);
}

const rows = (page) => page.locator("#found tbody tr").evaluateAll((found) => found.map((row) => [...row.cells].map((cell) => cell.textContent)));
const answer = (page, pattern) => until(`an answer like ${pattern}`, async () => pattern.test(await page.locator("#try-answer").textContent()));

scenario("keys are searched by prefix, page by page", async (t) => {
  const service = await begin(t);
  await service.incrementAll({ "page:a": 1234567, "page:b": -2, [TRICKY]: 3 });
  await service.incrementAll(Object.fromEntries(Array.from({ length: 150 }, (_, number) => [`user:${String(number).padStart(3, "0")}`, number + 1])));
  const page = await openPage(service, { tab: "counters" });
  await until("all keys are listed at first", async () => (await rows(page)).length === 100);
  await page.getByLabel("Keys that begin with").fill("page:");
  await page.getByRole("button", { name: "Search" }).click();
  await until("two keys are found", async () => (await rows(page)).length === 2);
  assert.deepEqual(await rows(page), [["page:a", "1\u202f234\u202f567"], ["page:b", "-2"]]);
  assert.equal(await page.locator("#found-note").textContent(), "2 keys");
  await page.getByLabel("Keys that begin with").fill("user:");
  await page.keyboard.press("Enter");
  await until("a page of users is found", async () => (await rows(page))[0]?.[0] === "user:000");
  assert.equal(await page.locator("#found-note").textContent(), "100 keys, and more");
  await page.getByRole("button", { name: "More" }).click();
  await until("the rest of them too", async () => (await rows(page)).length === 150);
  assert.deepEqual((await rows(page)).at(-1), ["user:149", "150"]);
  assert.equal(await page.getByRole("button", { name: "More" }).isVisible(), false);
  await page.getByLabel("Keys that begin with").fill("nobody");
  await page.keyboard.press("Enter");
  await until("nothing is found", async () => (await page.locator("#found-note").textContent()) === "No key begins so.");
  end(page);
});

scenario("one key's total, what of it is in the database, and its rate are told as they move", async (t) => {
  const service = await begin(t);
  await service.increment(TRICKY, 40);
  const page = await openPage(service, { tab: "counters" });
  await page.getByRole("button", { name: TRICKY }).click();
  await until("the total is told", async () => (await page.locator("#key-total").textContent()) === "40");
  const timer = setInterval(() => service.increment(TRICKY, 10).catch(() => {}), 100);
  t.after(() => clearInterval(timer));
  await until("the rate is about 100 a second", async () => {
    const rate = figure(await page.locator("#key-rate").textContent());
    return rate > 50 && rate < 110;
  });
  await until("the rate is drawn", () => page.locator("#key-chart canvas").isVisible());
  assert.ok(figure(await page.locator("#key-total").textContent()) > 40);
  clearInterval(timer);
  await fetch(service.url + "/flush", { method: "POST" });
  const total = await service.total(TRICKY);
  await until("the database has it", async () => figure(await page.locator("#key-synced").textContent()) === total);
  end(page);
});

scenario("an increment is tried from the page, and its curl line does the same", async (t) => {
  const service = await begin(t);
  const page = await openPage(service, { tab: "counters" });
  await page.getByLabel("Key", { exact: true }).fill(TRICKY);
  await page.getByLabel("Value").fill("-7");
  await page.getByRole("button", { name: "Increment" }).click();
  await answer(page, /^200: counted, total −?-?7 \(.*[µm]?s\)$/);
  assert.equal(await service.total(TRICKY), -7);
  const line = await page.locator("#curl").textContent();
  const { stdout } = await run("sh", ["-c", line.replace(/^curl /, "curl --silent ")]);
  assert.deepEqual(JSON.parse(stdout), { data: { key: TRICKY, value: -14 } });
  await page.getByRole("button", { name: "Copy" }).click();
  await until("it is copied", async () => (await page.evaluate(() => navigator.clipboard.readText())) === line);
  await until("the key is watched", async () => (await page.locator("#key-total").textContent()).endsWith("14"));
  end(page);
});

scenario("what the server refuses is told with its reason", async (t) => {
  const service = await begin(t);
  await service.increment("full", 9007199254740991);
  const page = await openPage(service, { tab: "counters" });
  await page.getByLabel("Key", { exact: true }).fill("full");
  await page.getByLabel("Value").fill("9223372036854775807");
  await page.getByRole("button", { name: "Increment" }).click();
  await answer(page, /^409: /);
  assert.equal(await service.total("full"), 9007199254740991);
  await page.getByLabel("Value").fill("1.5");
  await page.getByRole("button", { name: "Increment" }).click();
  assert.equal(await page.getByLabel("Value").evaluate((input) => input.validity.valid), false);
  end(page, /status of 409/, /status of 404/);
});

scenario("set and delete ask first, and do nothing where they are told no", async (t) => {
  const service = await begin(t);
  await service.increment("stock", 5);
  const page = await openPage(service, { tab: "counters" });
  await page.getByLabel("Key", { exact: true }).fill("stock");
  await page.getByLabel("Value").fill("42");
  const dialog = page.getByRole("dialog", { name: /this key\?$/ });
  for (const button of ["Set to value", "Delete key"]) {
    await page.getByRole("button", { name: button }).click();
    await dialog.waitFor();
    assert.equal(await page.evaluate(() => document.activeElement.textContent), "Cancel"); // what Enter would press
    await page.keyboard.press("Enter");
    await dialog.waitFor({ state: "hidden" });
    await page.getByRole("button", { name: button }).click();
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "hidden" });
  }
  assert.equal(await service.total("stock"), 5);
  await page.getByRole("button", { name: "Set to value" }).click();
  assert.match(await dialog.textContent(), /“stock” becomes 42/);
  await dialog.getByRole("button", { name: "Set", exact: true }).click();
  await answer(page, /^200: set, total 42 /);
  assert.equal(await service.total("stock"), 42);
  await page.getByRole("button", { name: "Delete key" }).click();
  await dialog.getByRole("button", { name: "Delete", exact: true }).click();
  await answer(page, /^204: deleted/);
  assert.equal(await service.total("stock"), null);
  end(page, /status of 404/);
});
