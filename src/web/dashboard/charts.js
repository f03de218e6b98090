// Charts by uPlot, each with a legend that tells the newest figures, or those under the cursor, and a table of the same.

import * as f from "./format.js";
import { withoutZeros } from "./history.js";

const HEIGHT = 150;
const SECONDS = 600;
const LEAST_SECONDS = 60; // shown, where less is known
const COLOURS = 8;

const line = (label, name, format = f.count, more = {}) => ({ label, format, values: (h) => h.column(name), ...more });
const some = (label, name, format, more = {}) => ({ label, format, values: (h) => withoutZeros(h.column(name)), ...more });
const group = (h, names, format) => names.map((name) => line(name.slice(name.indexOf(".") + 1).replaceAll("_", " "), name, format));

const charts = [
  { title: "Increments", note: "per second", series: () => [line("counted", "increments", f.count, { fill: true })] },
  { title: "Requests by status", note: "per second", series: (h) => group(h, h.active("status"), f.count) },
  { title: "Latency of requests for counters", note: "log scale", log: true, format: f.micros,
    series: () => [some("p50", "p50_us", f.micros), some("p99", "p99_us", f.micros), some("p99.9", "p999_us", f.micros)] },
  { title: "Unsynced", note: "not in the database yet", format: f.count,
    series: () => [line("delta", "unsynced", f.count, { fill: true }), line("keys", "dirty_keys")] },
  { title: "Age of the oldest unsynced change", format: f.millis, series: () => [line("age", "unsynced_age_ms", f.millis, { fill: true })] },
  { title: "Flushes", note: "time, each flush a point", format: f.micros, points: true,
    series: () => [some("time", "flush_us", f.micros, { recent: true })] },
  { title: "Rows of a flush", note: "each flush a point", points: true,
    series: () => [some("rows", "flush_rows", f.count, { recent: true })] },
  { title: "Commits of the journal", note: "with sync, log scale", log: true, format: f.micros,
    series: () => [some("p50", "commit_p50_us", f.micros), some("p99", "commit_p99_us", f.micros)] },
  { title: "Group commit", note: "increments that share one sync", format: f.rate,
    series: () => [{ label: "increments", format: f.rate, values: perCommit }] },
  { title: "Commits", note: "per second", series: () => [line("commits", "commits", f.count, { fill: true })] },
  { title: "Journal on disk", format: f.bytes, series: () => [line("bytes", "journal_bytes", f.bytes, { fill: true })] },
  { title: "Keys in memory", series: () => [line("keys", "keys", f.count, { fill: true })] },
  { title: "Memory", format: f.bytes,
    series: () => [line("counter table", "table_bytes", f.bytes), line("process", "resident_bytes", f.bytes)] },
  { title: "Connections", series: () => [line("open", "connections", f.count, { fill: true })] },
  { title: "Processor", note: "of one core", format: f.percent,
    series: () => [{ label: "busy", format: f.percent, fill: true, values: (h) => h.column("cpu_permille").map((value) => value === null ? null : value / 10) }] },
  { title: "Refused", note: "per second", none: "Nothing was refused in the last ten minutes.",
    series: (h) => group(h, [...h.active("rejected"), ...h.active("declined"), ...h.active("refused")], f.count) },
];

function perCommit(h) {
  const commits = h.column("commits");
  return h.column("increments").map((value, index) => (commits[index] ? value / commits[index] : null));
}

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "text") made.textContent = value;
    else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const DECIMAL = Array.from({ length: 45 }, (_, index) => [1, 2, 5][index % 3] * 10 ** Math.floor(index / 3));
const BINARY = Array.from({ length: 60 }, (_, index) => 2 ** index);

function axis(format, size, log) {
  const grid = { stroke: colour("--grid"), width: 1, ...(log ? { filter: powersOfTen } : {}) };
  const common = { stroke: colour("--muted"), font: "11px system-ui, sans-serif", grid, ticks: { show: false }, size, gap: 6 };
  if (!format) return { ...common, space: 70, values: times };
  const steps = format === f.bytes ? { incrs: BINARY } : format === f.rate || format === f.percent ? {} : { incrs: DECIMAL };
  return { ...common, ...steps, space: 28, values: (u, ticks) => ticks.map((tick) => (tick === null ? "" : f.tidy(format(tick)))) };
}

function times(u, ticks, axis, space, step) {
  const second = step < 60 ? { second: "2-digit" } : {};
  return ticks.map((tick) => new Date(tick * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false, ...second }));
}

// Of a logarithmic scale lines at powers of ten alone.
function powersOfTen(u, ticks) {
  return ticks.map((tick) => (Number.isInteger(Math.log10(tick)) ? tick : null));
}

// The least range that shows a figure of no motion as a line at its height.
function linear(u, least, most) {
  const top = Math.max(most ?? 0, 1);
  const bottom = Math.min(least ?? 0, 0);
  return [bottom === 0 ? 0 : bottom * 1.1, top * 1.1];
}

function decades(u, least, most) {
  return [10 ** Math.floor(Math.log10(Math.max(least ?? 10, 1))), 10 ** Math.ceil(Math.log10(Math.max(most ?? 1000, 10) * 1.01))];
}

export function options(spec, series, width, extra = {}) {
  return {
    width, height: HEIGHT, legend: { show: false }, cursor: { y: false, points: { size: 6 }, drag: { setScale: false }, ...extra.cursor },
    padding: [8, 10, 0, 0],
    scales: { x: { time: true, range: (u, least, most) => [Math.min(most - LEAST_SECONDS, Math.max(least, most - SECONDS)), most] },
              y: spec.log ? { distr: 3, range: decades } : { range: linear } },
    axes: [axis(null, 24), axis(spec.format || f.count, 56, spec.log)],
    series: [{}, ...series.map((one, index) => ({
      label: one.label, stroke: colour(`--s${index % COLOURS}`), width: 1.5, spanGaps: false,
      points: { show: spec.points === true, size: 5, fill: colour(`--s${index % COLOURS}`) },
      ...(spec.points ? { paths: () => null } : {}),
      ...(one.fill ? { fill: colour(`--s${index % COLOURS}`) + "1f" } : {}),
    }))],
    hooks: extra.hooks || {},
  };
}

class Chart {
  constructor(spec, history, place) {
    this.spec = spec;
    this.history = history;
    this.series = [];
    this.plot = null;
    this.legend = element("ul", { class: "legend" });
    this.box = element("div", { class: "plot", "aria-hidden": "true" });
    this.body = element("tbody");
    this.none = element("p", { class: "empty", text: spec.none || "" });
    this.details = element("details", {}, element("summary", { text: "Table" }, element("span", { class: "unseen", text: ` of ${spec.title}` })), this.table());
    this.details.addEventListener("toggle", () => this.draw());
    this.figure = element("figure", {}, element("figcaption", {}, element("h2", { text: spec.title }, element("small", { text: spec.note || "" }))),
                          this.legend, this.none, this.box, this.details);
    place(this.figure);
    new ResizeObserver(() => this.plot?.setSize({ width: this.box.clientWidth, height: HEIGHT })).observe(this.box);
  }

  table() {
    const head = ["Figure", "Now", "Least", "Mean", "Most"].map((text, index) => element("th", { scope: "col", text, class: index ? "n" : "" }));
    return element("table", {}, element("caption", { class: "unseen", text: `${this.spec.title}, last ten minutes` }), element("thead", {}, element("tr", {}, ...head)), this.body);
  }

  rebuild() {
    this.plot?.destroy();
    this.plot = null;
    this.names = this.series.map((one) => one.label).join();
    this.none.hidden = this.series.length > 0;
    this.box.hidden = !window.uPlot || !this.series.length;
    this.details.hidden = !this.series.length;
    this.legend.replaceChildren(...this.series.map((one, index) =>
      element("li", {}, element("i", { class: `c${index % COLOURS}` }), one.label, " ", element("b"))));
    if (this.box.hidden || !this.box.clientWidth) return;
    this.plot = new window.uPlot(options(this.spec, this.series, this.box.clientWidth, {
      cursor: { sync: { key: "dashboard", setSeries: false } }, hooks: { setCursor: [(u) => this.tell(u.cursor.idx)] },
    }), this.data(), this.box);
  }

  data() {
    return [this.history.times, ...this.series.map((one) => one.values(this.history))];
  }

  tell(index) {
    const cells = this.legend.querySelectorAll("b");
    this.series.forEach((one, number) => {
      const values = one.values(this.history);
      const value = index ?? values.length - 1;
      cells[number].textContent = one.format(index === null && one.recent ? values.findLast((found) => found !== null) : values[value]);
    });
  }

  draw() {
    this.series = this.spec.series(this.history);
    if (this.names !== this.series.map((one) => one.label).join() || (!this.plot && !this.box.hidden)) this.rebuild();
    this.plot?.setData(this.data());
    this.tell(this.plot?.cursor.idx ?? null);
    if (this.details.open) this.fill();
  }

  fill() {
    this.body.replaceChildren(...this.series.map((one) => {
      const values = one.values(this.history).filter((value) => value !== null && value !== undefined);
      const figures = values.length ? [values.at(-1), Math.min(...values), values.reduce((a, b) => a + b, 0) / values.length, Math.max(...values)] : [null, null, null, null];
      return element("tr", {}, element("th", { scope: "row", text: one.label }), ...figures.map((value) => element("td", { class: "n", text: one.format(value) })));
    }));
  }
}

// place(figure, index) puts a chart into the page.
export class Charts {
  constructor(history, place) {
    this.all = charts.map((spec, index) => new Chart(spec, history, (figure) => place(figure, index)));
  }

  draw() {
    for (const chart of this.all) chart.draw();
  }

  // Colours have changed.
  repaint() {
    for (const chart of this.all) chart.names = undefined;
    this.draw();
  }
}

export { element };
