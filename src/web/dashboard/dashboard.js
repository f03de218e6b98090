// The page: which of its parts is shown, in which colours, and what the stream says.

import { Charts, element } from "./charts.js";
import * as counters from "./counters.js";
import * as f from "./format.js";
import { History } from "./history.js";
import * as home from "./home.js";
import { Stream, keepToken, token } from "./stream.js";

const $ = (id) => document.getElementById(id);
const PAGES = { live: { show: draw }, counters, home };
const HOME_MS = 2000;

const history = new History();
const charts = new Charts(history, (figure, index) => (index === 0 ? $("charts").prepend(figure) : $("refusals-panel").before(figure)));
let page = "live";
let hottest = null;
let lostAt = 0;

// ---- colours ----

const dark = matchMedia("(prefers-color-scheme: dark)");

function paint() {
  const wanted = localStorage.getItem("simple-request-theme") || "";
  $("theme").value = wanted;
  document.documentElement.dataset.theme = wanted || (dark.matches ? "dark" : "light");
  charts.repaint();
  counters.repaint();
}

// ---- tiles ----

const share = (part, whole) => (whole ? f.percent((100 * part) / whole) : "–");
const shareOf = (part, whole) => `${share(part, whole)} of ${f.tidy(f.bytes(whole))}`;
const refusals = (h, seconds) => ["rejected", "declined", "refused"].flatMap((group) => h.active(group)).reduce((sum, name) => sum + h.sum(name, seconds), 0);

const tiles = [
  ["Increments per second", (h) => [f.count(h.last("increments")), `${f.count(h.sum("counted", 60))} in the last minute`]],
  ["Latency p50", (h) => [f.micros(h.last("p50_us") || null), `p99 ${f.micros(h.last("p99_us") || null)} · p99.9 ${f.micros(h.last("p999_us") || null)}`]],
  ["Unsynced", (h) => [f.count(h.last("unsynced")), `oldest ${f.millis(h.last("unsynced_age_ms"))} · ${f.count(h.last("dirty_keys"))} keys`]],
  ["Last flush", (h) => [f.micros(h.recent("flush_us")), `${f.count(h.recent("flush_rows"))} rows · ${h.sum("flush_failures", 600)} failed`, h.sum("flush_failures", 60) > 0]],
  ["Journal", (h) => [f.bytes(h.last("journal_bytes")), shareOf(h.last("journal_bytes"), h.last("journal_limit_bytes")), h.last("journal_failed") > 0]],
  ["Keys in memory", (h) => [f.count(h.last("keys")), shareOf(h.last("table_bytes"), h.last("table_limit_bytes"))]],
  ["Connections", (h) => [f.count(h.last("connections")), `of ${f.count(h.last("connections_limit"))}`]],
  ["Refused, last minute", (h) => [f.count(refusals(h, 60)), `${f.count(h.last("refused_rows"))} rows refused in all`, h.last("refused_rows") > 0]],
];

function makeTiles() {
  $("tiles").replaceChildren(...tiles.map(([name]) => element("div", {}, element("dt", { text: name }),
    element("dd", {}, element("span", { class: "value", text: "–" }), element("span", { class: "more" })))));
}

function drawTiles() {
  tiles.forEach(([, read], index) => {
    const tile = $("tiles").children[index];
    const [value, more, bad] = read(history);
    tile.querySelector(".value").textContent = value;
    tile.querySelector(".more").textContent = more;
    tile.dataset.bad = Boolean(bad);
  });
}

// ---- tables ----

function drawTop() {
  if (!hottest) return;
  const error = Math.max(...hottest.data.map((entry) => entry.error));
  $("top-note").textContent = `average of about ${hottest.seconds} s` + (hottest.sampled > 1 ? `, one of ${hottest.sampled} looked at` : "");
  $("top-error").textContent = error > 0 ? `No rate is more than ${f.rate(error)} too high.` : "";
  $("top-empty").hidden = hottest.data.length > 0;
  const focused = document.activeElement?.dataset?.key;
  $("top").tBodies[0].replaceChildren(...hottest.data.map(({ key, rate }) => {
    const button = element("button", { type: "button", text: key, "data-key": key, title: key });
    const cell = element("td", { class: "key" }, button);
    cell.style.backgroundSize = `${(100 * rate) / hottest.data[0].rate}% 100%`;
    button.addEventListener("click", () => { location.hash = "counters"; counters.watch(key); });
    return element("tr", {}, cell, element("td", { class: "n", text: f.rate(rate) }), element("td", { class: "n", text: share(rate, hottest.rate) }));
  }));
  if (focused !== undefined) [...$("top").querySelectorAll("button")].find((button) => button.dataset.key === focused)?.focus();
}

const WHAT = { rejected: "503", declined: "401, 403, 429", refused: "connection" };

function drawRefusals() {
  const names = Object.keys(WHAT).flatMap((group) => history.active(group));
  $("refusals-empty").hidden = names.length > 0;
  $("refusals").tBodies[0].replaceChildren(...names.map((name) => {
    const [group, reason] = name.split(".");
    return element("tr", {}, element("td", { text: WHAT[group] }), element("td", { text: reason.replaceAll("_", " ") }),
                   ...[1, 60, 600].map((seconds) => element("td", { class: "n", text: f.count(history.sum(name, seconds)) })));
  }));
}

function draw() {
  if (page !== "live" || !history.size) return;
  drawTiles();
  charts.draw();
  drawTop();
  drawRefusals();
}

// ---- what the stream says ----

function notice(text) {
  $("notice").hidden = !text;
  $("notice").textContent = text;
}

const STATES = {
  live: ["live", () => "Live"],
  lost: ["lost", () => `Connection lost at ${f.clock(lostAt)}, trying again`],
  busy: ["lost", () => "The server is busy, trying again"],
  paused: ["wait", () => "Paused while not seen"],
  denied: ["lost", () => "A token is asked for"],
};

function state(name) {
  const [look, words] = STATES[name];
  if (name === "lost") lostAt ||= Date.now();
  if (name === "live") lostAt = 0;
  if ($("status").textContent !== words()) $("status").textContent = words();
  $("status").dataset.state = look;
  if (name === "denied") askForToken();
}

const stream = new Stream({
  state,
  hello({ fields }, restarted) {
    history.begin(fields);
    if (restarted) notice(`The server was restarted; the page goes on with the new one since ${f.clock(Date.now())}.`);
  },
  row: (row) => history.add(row),
  top: (body) => (hottest = body),
  end: () => notice("The server is stopping; what is acknowledged is kept."),
  drawn: draw,
});

// ---- token ----

function askForToken() {
  $("token-button").hidden = false;
  $("token-forget").hidden = !token();
  $("token-why").textContent = (token() ? "The token that was given is not known, or lacks the scope read. " : "This service knows its clients by tokens. ") +
    "The page needs one with the scope read; increments need write, set and delete admin.";
  if (!$("token-dialog").open) $("token-dialog").showModal();
}

function useToken(text) {
  keepToken(text);
  $("token").value = "";
  $("token-dialog").close();
  stream.open();
  PAGES[page].show();
}

function beginDialogs() {
  for (const dialog of document.querySelectorAll("dialog")) {
    dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
  }
  $("token-button").addEventListener("click", askForToken);
  $("token-form").addEventListener("submit", (event) => { event.preventDefault(); useToken($("token").value.trim()); });
  $("token-forget").addEventListener("click", () => useToken(""));
  $("confirm-form").addEventListener("submit", (event) => {
    event.preventDefault();
    $("confirm-dialog").close("yes");
  });
}

// ---- pages ----

function choose() {
  page = location.hash.slice(1) in PAGES ? location.hash.slice(1) : "live";
  for (const name of Object.keys(PAGES)) $(`${name}-page`).hidden = name !== page; // not the name alone: a browser would scroll there
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === "#" + page) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  PAGES[page].show();
}

makeTiles();
beginDialogs();
counters.begin();
paint();
$("host").textContent = location.host;
$("no-charts").hidden = Boolean(window.uPlot);
$("token-button").hidden = !token();
$("theme").addEventListener("change", () => { localStorage.setItem("simple-request-theme", $("theme").value); paint(); });
dark.addEventListener("change", paint);
addEventListener("hashchange", choose);
setInterval(() => { if (page === "home" && !document.hidden) home.look(); }, HOME_MS);
choose();
stream.open();
