// With tokens configured the page asks for one, keeps it for the tab alone, and says what its scopes do not allow.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { promisify } from "node:util";

import { openPage, openTab } from "./lib/browser.mjs";
import { scenario } from "./lib/scenario.mjs";
import { Service, command } from "./lib/service.mjs";
import { until } from "./lib/until.mjs";

const run = promisify(execFile);
const SCOPES = { reader: "read", writer: "read,write", admin: "read,write,admin" };

let tokens = "";
const secret = {};

// As an operator makes them: `simple-request token NAME SCOPES >>FILE`, the token itself being told on the terminal.
async function drawTokens() {
  for (const [name, scopes] of Object.entries(SCOPES)) {
    const { stdout, stderr } = await command("token", name, scopes);
    tokens += stdout;
    secret[name] = stderr.match(/srt_\S+/)[0];
  }
}

async function begin(t) {
  if (!tokens) await drawTokens();
  const service = new Service();
  t.after(() => service.remove());
  await service.makeDirectory();
  service.options = ["--tokens-file", await service.withFile("tokens", tokens)];
  await service.start();
  return service.ready();
}

const dialog = (page) => page.getByRole("dialog", { name: "A token is asked for" });
const status = (page) => page.locator("#status").textContent();
const live = (page) => until("the page is live", async () => (await status(page)) === "Live");
const answer = (page, pattern) => until(`an answer like ${pattern}`, async () => pattern.test(await page.locator("#try-answer").textContent()));
const refused = /status of (401|403|404)/;

async function give(page, token) {
  await dialog(page).waitFor();
  await dialog(page).getByLabel("Token").fill(token);
  await page.keyboard.press("Enter");
}

scenario("a token is asked for, a wrong one is told, and the right one is kept for this tab alone", async (t) => {
  const service = await begin(t);
  const page = await openPage(service);
  await dialog(page).waitFor();
  assert.equal(await dialog(page).getByLabel("Token").getAttribute("type"), "password");
  assert.equal(await status(page), "A token is asked for");
  await give(page, "srt_wrong");
  await until("it is told to be unknown", async () => (await dialog(page).isVisible()) && /not known/.test(await dialog(page).textContent()));
  await give(page, secret.reader);
  await live(page);
  const kept = await page.evaluate(() => ({ session: Object.values(sessionStorage), local: Object.values(localStorage), cookie: document.cookie }));
  assert.deepEqual(kept, { session: [secret.reader], local: [], cookie: "" });
  await page.reload();
  await live(page);
  const other = await openTab(page.context(), service);
  await dialog(other).waitFor();
  assert.equal((await page.content()).includes(secret.reader), false);
  await page.getByRole("button", { name: "Token" }).click();
  await dialog(page).getByRole("button", { name: "Forget it" }).click();
  await until("it is forgotten", async () => (await page.evaluate(() => sessionStorage.length)) === 0);
  await until("and asked for again", async () => (await status(page)) === "A token is asked for");
  assert.deepEqual([...page.problems, ...other.problems].filter((problem) => !refused.test(problem)), []);
});

scenario("an increment needs the scope write, a set the scope admin, and the page says so", async (t) => {
  const service = await begin(t);
  const page = await openPage(service, { tab: "counters" });
  await give(page, secret.reader);
  await live(page);
  const press = (name) => page.getByRole("button", { name, exact: true }).click();
  await press("Increment");
  await answer(page, /^403: .*write/);
  await press("Token");
  await give(page, secret.writer);
  await press("Increment");
  await answer(page, /^200: counted, total 1 /);
  await press("Set to value");
  await press("Set");
  await answer(page, /^403: .*admin/);
  await press("Delete key");
  await press("Delete");
  await answer(page, /^403: .*admin/);
  const line = await page.locator("#curl").textContent();
  assert.equal(line.includes("srt_"), false);
  const { stdout } = await run("sh", ["-c", line.replace(/^curl /, "curl --silent ")], { env: { ...process.env, TOKEN: secret.writer } });
  assert.deepEqual(JSON.parse(stdout), { data: { key: "test1", value: 2 } });
  await press("Token");
  await give(page, secret.admin);
  await page.getByLabel("Value").fill("9");
  await press("Set to value");
  await press("Set");
  await answer(page, /^200: set, total 9 /);
  await press("Delete key");
  await press("Delete");
  await answer(page, /^204: deleted/);
  assert.deepEqual(page.problems.filter((problem) => !refused.test(problem)), []);
});

scenario("the configuration is shown to the scope admin alone", async (t) => {
  const service = await begin(t);
  const page = await openPage(service, { tab: "home" });
  await give(page, secret.reader);
  await until("health is told", async () => (await page.locator("#health tbody tr").count()) > 3);
  await until("who may see the configuration is told", () => page.getByText("A token with the scope admin may see it.").isVisible());
  await page.getByRole("button", { name: "Token" }).click();
  await give(page, secret.admin);
  await until("it is shown", () => page.getByRole("cell", { name: "--tokens-file" }).isVisible());
  assert.deepEqual(page.problems.filter((problem) => !refused.test(problem)), []);
});
