// The binary as a child process with its own directory and port, and load on it.

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { until } from "./until.mjs";

const BINARY = process.env.SIMPLE_REQUEST_BINARY || path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../../build/simple-request");
const START_MS = 30_000;

// What a subcommand prints: { stdout, stderr }.
export function command(...words) {
  return promisify(execFile)(BINARY, words);
}

export class Service {
  constructor(options = [], environment = {}) {
    this.options = options;
    this.environment = environment;
    this.port = 0; // the one of the first start is kept
    this.child = null;
  }

  static async start(...given) {
    const service = new Service(...given);
    await service.makeDirectory();
    await service.start();
    return service;
  }

  async makeDirectory() {
    this.directory = await mkdtemp(path.join(tmpdir(), "simple-request-dashboard-"));
  }

  get url() {
    return `http://127.0.0.1:${this.port}`;
  }

  get log() {
    return path.join(this.directory, "log");
  }

  async start() {
    const log = await open(this.log, "w");
    const words = ["--data-dir", path.join(this.directory, "data"), "--port", String(this.port), ...this.options];
    this.child = spawn(BINARY, words, {
      stdio: ["ignore", log.fd, log.fd], cwd: this.directory, env: { PATH: process.env.PATH, HOME: this.directory, ...this.environment },
    });
    this.ended = once(this.child, "close");
    await log.close();
    await until("the service listens", async () => {
      if (this.child.exitCode !== null) throw new Error(`the service ended: ${await readFile(this.log, "utf8")}`);
      const said = (await readFile(this.log, "utf8")).match(/^ {2}url {3}http:\/\/127\.0\.0\.1:(\d+)$/m);
      this.port = said ? Number(said[1]) : this.port;
      return said && (await fetch(this.url + "/livez").then((answer) => answer.ok, () => false));
    }, START_MS);
  }

  async ready() {
    await until("the service is ready", async () => (await fetch(this.url + "/readyz")).ok, START_MS);
    return this;
  }

  async end(signal) {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill(signal);
    await this.ended;
  }

  // For a test's end: nothing of it is left.
  async remove() {
    await this.end("SIGKILL");
    await rm(this.directory, { recursive: true, force: true });
  }

  async increment(key, value, headers = {}) {
    const answer = await fetch(this.url + "/increment", {
      method: "POST", headers: { "Content-Type": "application/json", ...headers }, body: JSON.stringify({ key, value }),
    });
    if (!answer.ok) throw new Error(`increment: ${answer.status} ${await answer.text()}`);
    return (await answer.json()).data.value;
  }

  // All at once; {key: value}.
  async incrementAll(values) {
    const body = JSON.stringify(Object.entries(values).map(([key, value]) => ({ key, value })));
    const answer = await fetch(this.url + "/increment", { method: "POST", headers: { "Content-Type": "application/json" }, body });
    if (!answer.ok) throw new Error(`increments: ${answer.status} ${await answer.text()}`);
  }

  async total(key) {
    const answer = await fetch(`${this.url}/counters/${encodeURIComponent(key)}`);
    return answer.status === 404 ? null : (await answer.json()).data.value;
  }

  async withFile(name, text) {
    const file = path.join(this.directory, name);
    await writeFile(file, text);
    return file;
  }
}

// Keeps requests of draw() -> { key, value } coming on one connection, so many at a time, until it is stopped.
export class Load {
  constructor(service, draw, { each = () => 20, pause = 50 } = {}) {
    this.draw = draw;
    this.each = each;
    this.pause = pause;
    this.answered = 0;
    this.socket = net.connect(service.port, "127.0.0.1");
    this.socket.setEncoding("latin1").on("data", (text) => this.#take(text));
    this.socket.on("error", () => {}); // the service is killed under it, as tests do
    this.#send();
  }

  #send() {
    this.missing = Math.max(1, this.each());
    let bytes = "";
    for (let number = 0; number < this.missing; number++) {
      const body = JSON.stringify(this.draw());
      bytes += `POST /increment HTTP/1.1\r\nHost: load\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
    }
    this.socket.write(bytes);
  }

  #take(text) {
    const count = text.split("HTTP/1.1 ").length - 1;
    this.answered += count;
    this.missing -= count;
    if (this.missing <= 0) this.timer = setTimeout(() => this.#send(), this.pause);
  }

  stop() {
    clearTimeout(this.timer);
    this.socket.destroy();
  }
}
