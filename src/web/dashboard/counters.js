// The page of counters: search, one key under watch, and what may be done to it.

import { element, options } from "./charts.js";
import * as f from "./format.js";
import { ask, reasonOf, token } from "./stream.js";

const $ = (id) => document.getElementById(id);
const PAGE = 100;
const WATCH_MS = 1000;
const RATE_SECONDS = 10;
const CHART_SECONDS = 120;

let next = null; // the key with which the search goes on
let watched = ""; // the key that is asked for each second
let seen = []; // [time in seconds, total as a BigInt], the newest last
let plot = null;

const path = (key) => "counters/" + encodeURIComponent(key);

// ---- search ----

async function search(after) {
  const prefix = $("prefix").value;
  const query = new URLSearchParams({ limit: PAGE, as: "string", ...(prefix ? { prefix } : {}), ...(after !== null ? { after } : {}) });
  const answer = await ask("counters?" + query).catch(() => null);
  if (after === null) $("found").tBodies[0].replaceChildren();
  $("more").hidden = true;
  if (!answer?.ok) {
    $("found-note").textContent = answer ? await reasonOf(answer) : "The server does not answer.";
    return;
  }
  const page = await answer.json();
  $("found").tBodies[0].append(...page.data.map(({ key, value }) => {
    const button = element("button", { type: "button", text: key });
    button.addEventListener("click", () => watch(key));
    return element("tr", {}, element("td", { class: "key" }, button), element("td", { class: "n", text: value === null ? "unknown" : f.grouped(value) }));
  }));
  next = page.next;
  $("more").hidden = next === null;
  const count = $("found").tBodies[0].rows.length;
  $("found-note").textContent = count ? `${count} ${count === 1 ? "key" : "keys"}${next === null ? "" : ", and more"}` : "No key begins so.";
}

// ---- one key ----

export function watch(key) {
  $("key").value = key;
  if (watched !== key) seen = [];
  watched = key;
  curl();
  look();
}

function total(text) {
  $("key-total").textContent = text === null ? "–" : f.grouped(text);
}

function remember(value) {
  seen.push([Date.now() / 1000, value]);
  while (seen[0][0] < seen.at(-1)[0] - CHART_SECONDS) seen.shift();
  const first = seen.find(([time]) => time >= seen.at(-1)[0] - RATE_SECONDS);
  const seconds = seen.at(-1)[0] - first[0];
  $("key-rate").textContent = seconds < 0.5 ? "–" : f.rate(Number(value - first[1]) / seconds);
}

async function look() {
  if (!watched) return;
  const key = watched;
  const answer = await ask(path(key) + "?as=string").catch(() => null);
  if (key !== watched) return;
  if (!answer?.ok) {
    total(null);
    $("key-synced").textContent = $("key-rate").textContent = "–";
    $("key-note").textContent = answer ? await reasonOf(answer) : "The server does not answer.";
    if (answer?.status === 404) watched = ""; // until it is asked for again
    return;
  }
  const { data } = await answer.json();
  $("key-note").textContent = "";
  total(data.value);
  $("key-synced").textContent = data.synced === null ? "unknown" : f.grouped(data.synced);
  remember(BigInt(data.value));
  draw();
}

function draw() {
  if (!window.uPlot || seen.length < 3) return;
  const times = seen.slice(1).map(([time]) => time);
  const rates = seen.slice(1).map(([time, value], index) => Number(value - seen[index][1]) / (time - seen[index][0]));
  const box = $("key-chart");
  plot ||= new window.uPlot(options({ format: f.rate }, [{ label: "change", fill: true }], box.clientWidth), [times, rates], box);
  plot.setData([times, rates]);
  plot.setSize({ width: box.clientWidth, height: 150 });
}

// Colours have changed.
export function repaint() {
  plot?.destroy();
  plot = null;
  draw();
}

// ---- what may be done ----

const quoted = (text) => "'" + text.replaceAll("'", "'\\''") + "'";

function body() {
  const value = $("value").value.trim();
  return `{"key":${JSON.stringify($("key").value)},"value":${/^-?\d+$/.test(value) ? BigInt(value) : 0}}`;
}

function curl() {
  const bearer = token() ? ` \\\n  -H "Authorization: Bearer $TOKEN"` : "";
  $("curl").textContent = `curl ${new URL("increment", document.baseURI)}${bearer} \\\n  -H 'Content-Type: application/json' \\\n  -d ${quoted(body())}`;
}

function tell(text, good) {
  $("try-answer").textContent = text;
  $("try-answer").className = "answer " + (good ? "good" : "bad");
}

async function send(what, target, options) {
  const started = performance.now();
  const answer = await ask(target, options).catch(() => null);
  const took = f.micros((performance.now() - started) * 1000);
  if (!answer) return tell("The server does not answer: whether it counted is not known.", false);
  if (!answer.ok) return tell(`${answer.status}: ${await reasonOf(answer)}`, false);
  const data = answer.status === 204 ? null : (await answer.json()).data;
  const now = !data ? "" : data.value === null ? ", its total not known at the moment" : `, total ${f.grouped(data.value)}`;
  tell(`${answer.status}: ${what}${now} (${took})`, true);
  watch($("key").value);
}

const json = { "Content-Type": "application/json" };

function confirmed(title, text, yes) {
  const dialog = $("confirm-dialog");
  $("confirm-title").textContent = title;
  $("confirm-text").textContent = text;
  $("confirm-yes").textContent = yes;
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((done) => dialog.addEventListener("close", () => done(dialog.returnValue === "yes"), { once: true }));
}

async function setKey() {
  if (!$("try").reportValidity() || !$("key-form").reportValidity()) return;
  const key = $("key").value;
  const value = BigInt($("value").value.trim());
  if (await confirmed("Set this key?", `The total of “${key}” becomes ${value}, whatever it is now.`, "Set")) {
    await send("set", path(key) + "?as=string", { method: "PUT", headers: json, body: `{"value":${value}}` });
  }
}

async function deleteKey() {
  if (!$("key-form").reportValidity()) return;
  const key = $("key").value;
  if (await confirmed("Delete this key?", `“${key}” and its total are gone; the next increment starts from 0.`, "Delete")) {
    await send("deleted", path(key), { method: "DELETE" });
  }
}

export function begin() {
  $("search").addEventListener("submit", (event) => { event.preventDefault(); search(null); });
  $("more").addEventListener("click", () => search(next));
  $("key-form").addEventListener("submit", (event) => { event.preventDefault(); watch($("key").value); });
  $("key").addEventListener("input", curl);
  $("value").addEventListener("input", curl);
  $("try").addEventListener("submit", (event) => {
    event.preventDefault();
    if ($("key-form").reportValidity()) send("counted", "increment?as=string", { method: "POST", headers: { ...json, "Idempotency-Key": crypto.randomUUID?.() ?? String(Math.random()) }, body: body() });
  });
  $("set").addEventListener("click", setKey);
  $("delete").addEventListener("click", deleteKey);
  $("copy").addEventListener("click", async () => {
    await navigator.clipboard?.writeText($("curl").textContent);
    $("copy").textContent = "Copied";
    setTimeout(() => ($("copy").textContent = "Copy"), 1500);
  });
  setInterval(() => { if (!document.hidden && !$("counters-page").hidden) look(); }, WATCH_MS);
  curl();
}

// The page is shown.
export function show() {
  curl();
  if (!$("found").tBodies[0].rows.length) search(null);
  look();
}
