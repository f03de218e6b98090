// The page under load: it opens, moves, is small, says when the server is away, and goes on with the history that it had.

import assert from "node:assert/strict";

import { drawnColumns, figure, openPage, tile } from "./lib/browser.mjs";
import { scenario } from "./lib/scenario.mjs";
import { Load, Service } from "./lib/service.mjs";
import { until } from "./lib/until.mjs";

const WIRE_BYTES_MAX = 60_000;
const CHARTS = 16;

const hot = () => ({ key: Math.random() < 0.7 ? "page:home" : "page:pricing", value: 1 });
const status = (page) => page.locator("#status").textContent();
const live = (page) => until("the page is live and has a row", async () => (await status(page)) === "Live" && (await tile(page, "Connections")).value !== "–");
const inTheLastMinute = async (page) => figure((await tile(page, "Increments per second")).more);

// What the browser itself says of a server that is not there.
const ofAbsence = (problem) => /^console: error: Failed to load resource: net::ERR_/.test(problem);

scenario("the page opens, is small over the wire and asks nobody but the server", async (t) => {
  const service = await Service.start();
  t.after(() => service.remove());
  const page = await openPage(service);
  await live(page);
  let bytes = 0;
  for (const request of page.fetched.filter((one) => !one.url().includes("/dashboard/events"))) {
    const { responseBodySize, responseHeadersSize } = await request.sizes();
    assert.equal((await request.response()).status(), 200, request.url());
    bytes += responseBodySize + responseHeadersSize;
  }
  assert.ok(page.fetched.length >= 10 && bytes > 20_000 && bytes < WIRE_BYTES_MAX, `${page.fetched.length} requests, ${bytes} bytes`);
  t.diagnostic(`${bytes} bytes over the wire, headers included, in ${page.fetched.length} requests`);
  assert.equal(await page.title(), "simple-request");
  assert.deepEqual(page.problems, []);
});

scenario("figures, charts and the hottest keys move under load", async (t) => {
  const service = await (await Service.start(["--sync-interval", "2s"])).ready();
  t.after(() => service.remove());
  const page = await openPage(service);
  await live(page);
  assert.equal(await page.locator("figure").count(), CHARTS);
  assert.equal(await page.getByText("Nothing is being counted").isVisible(), true);
  // More from burst to burst: a machine that keeps time would show the same few rates over and over.
  let burst = 0;
  const load = new Load(service, hot, { each: () => 20 + Math.floor(burst++ / 10) });
  t.after(() => load.stop());
  const seen = new Set();
  await until("the rate moves", async () => {
    seen.add((await tile(page, "Increments per second")).value);
    return seen.size > 4;
  });
  await until("a flush is told", async () => (await tile(page, "Last flush")).value !== "–");
  for (const name of ["Increments", "Requests by status", "Unsynced", "Connections", "Keys in memory"]) {
    await until(`${name} is drawn`, async () => (await drawnColumns(page, name)).length > 5);
  }
  await until("latencies are told", async () => /p99 .*[µm]s.*p99\.9 .*[µm]s/.test((await tile(page, "Latency p50")).more));
  const keys = page.locator("#top tbody button");
  await until("the hottest keys are in order", async () => (await keys.allTextContents()).join() === "page:home,page:pricing");
  assert.ok((await inTheLastMinute(page)) > 100);
  await page.locator("figure", { hasText: "Requests by status" }).locator("summary").click();
  assert.match(await page.locator("figure", { hasText: "Requests by status" }).locator("tbody").textContent(), /^200\d/);
  await keys.first().click();
  await until("the key is watched", async () => figure(await page.locator("#key-total").textContent()) > 50);
  assert.equal(await page.getByLabel("Key", { exact: true }).inputValue(), "page:home");
  assert.deepEqual(page.problems, []);
});

scenario("a killed server is told to be away, and the page goes on with its history when it is back", async (t) => {
  const service = await (await Service.start()).ready();
  t.after(() => service.remove());
  const page = await openPage(service);
  await live(page);
  await service.incrementAll(Object.fromEntries(Array.from({ length: 1000 }, (_, number) => [`key ${number}`, 1])));
  await until("1,000 increments are told", async () => (await inTheLastMinute(page)) === 1000);
  await service.end("SIGKILL");
  await until("the page says so", async () => /^Connection lost at \d\d:\d\d:\d\d, trying again$/.test(await status(page)));
  await until("and tries again", () => page.problems.some(ofAbsence));
  await service.start();
  await live(page);
  await until("the restart is told", () => page.getByText("The server was restarted").isVisible());
  await until("new counts are told on top of the old ones", async () => {
    await service.increment("new", 1);
    return (await inTheLastMinute(page)) > 1000;
  });
  assert.deepEqual(page.problems.filter((problem) => !ofAbsence(problem)), []);
});

scenario("a server that is stopped says so before it goes", async (t) => {
  const service = await (await Service.start()).ready();
  t.after(() => service.remove());
  const page = await openPage(service);
  await live(page);
  await service.end("SIGTERM");
  await until("the end is told", () => page.getByText("The server is stopping").isVisible());
  await until("and that it is away", async () => (await status(page)).startsWith("Connection lost"));
  assert.deepEqual(page.problems.filter((problem) => !ofAbsence(problem)), []);
});

scenario("a reload, and another tab, have the history from before they were opened", async (t) => {
  const service = await (await Service.start()).ready();
  t.after(() => service.remove());
  const page = await openPage(service);
  await live(page);
  await service.incrementAll(Object.fromEntries(Array.from({ length: 500 }, (_, number) => [`key ${number}`, 1])));
  await until("500 increments are told", async () => (await inTheLastMinute(page)) === 500);
  await until("the peak is in the past", async () => (await tile(page, "Increments per second")).value === "0");
  const drawn = (await drawnColumns(page, "Increments")).length;
  await page.reload();
  await until("they still are", async () => (await inTheLastMinute(page)) === 500);
  await until("and are drawn", async () => (await drawnColumns(page, "Increments"))?.length >= drawn);
  const other = await openPage(service);
  await until("in a new tab too", async () => (await inTheLastMinute(other)) === 500);
  assert.deepEqual([...page.problems, ...other.problems], []);
});
