// The page that tells what runs: build, health, store, limits, configuration.

import { element } from "./charts.js";
import * as f from "./format.js";
import { ask, reasonOf } from "./stream.js";

const $ = (id) => document.getElementById(id);

function rows(list, pairs) {
  list.replaceChildren(...pairs.flatMap(([name, value]) => [element("dt", { text: name }), element("dd", { text: value })]));
}

function fill(table, lines) {
  table.tBodies[0].replaceChildren(...lines.map((cells) => element("tr", {}, ...cells)));
}

const cell = (text, style = "") => element("td", { text, class: style });
const head = (text) => element("th", { scope: "row", text });

function health(checks) {
  fill($("health"), checks.map(({ name, ok, reason }) => [head(name), cell(ok ? "ok" : "failing", ok ? "good" : "bad"), cell(reason)]));
}

function limits(all) {
  fill($("limits"), all.map(({ name, unit, used, limit }) => {
    const format = unit === "bytes" ? f.bytes : f.count;
    const share = limit ? used / limit : 0;
    const meter = element("meter", { min: 0, max: 1, high: 0.8, optimum: 0, value: share, "aria-hidden": "true" });
    return [head(name), cell(format(used), "n"), cell(f.tidy(format(limit)), "n"), element("td", { class: "n" }, meter, f.percent(share * 100))];
  }));
}

function state({ build, process, store, health: checks, limits: all }) {
  health(checks);
  limits(all);
  rows($("process"), [
    ["Version", build.version], ["Commit", build.commit], ["Compiler", build.compiler],
    ["Runs with", Object.entries(build.runs_with).filter(([name]) => name !== "compiler").map((pair) => pair.join(" ")).join(", ")],
    ["Up", `${f.span(process.uptime_ms)}, since ${f.moment(process.started_ms)}`],
    ["Listens on", process.urls.join(", ")], ["Data", process.data_dir],
    ["Threads", `${process.threads}, of them ${process.workers} workers`], ["Memory", f.bytes(process.resident_bytes)],
  ]);
  rows($("store"), [
    ["System", store.system], ["URL", store.url], ["State", store.state],
    ["Epochs", `${store.open_epoch} open, ${store.applied_epoch} in the database`],
    ["Flushes", `${f.count(store.flushes)} applied, ${f.count(store.flushes_failed)} failed, every ${f.tidy(f.millis(store.interval_ms))}`],
    ["Rows", `${f.count(store.rows)} written, ${f.count(store.rows_refused)} refused`],
    ["Oldest unsynced", store.unsynced_age_ms ? f.millis(store.unsynced_age_ms) : "nothing is unsynced"],
  ]);
}

export async function look() {
  const answer = await ask("dashboard/state").catch(() => null);
  if (answer?.ok) state((await answer.json()).data);
}

export async function show() {
  look();
  const answer = await ask("dashboard/configuration").catch(() => null);
  if (!answer) return;
  $("configuration-note").textContent = answer.ok ? "" : answer.status === 403 ? "A token with the scope admin may see it." : await reasonOf(answer);
  if (!answer.ok) return;
  fill($("configuration"), (await answer.json()).data.map(({ name, value, from, help }) =>
    [element("td", { class: "key", text: "--" + name }), element("td", { class: from === "default" ? "mono" : "mono given", text: value || "–" }), cell(from, from === "default" ? "muted" : "given"), cell(help, "muted")]));
}
