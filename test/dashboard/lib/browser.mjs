// Chromium, started once for all tests, and pages in it that note whatever a page must not do: a message on its console,
// an error, a violation of its Content-Security-Policy, a request to anybody but the service.

import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const PROGRAMS = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

export function fromNpm(name) {
  return execFileSync(path.join(ROOT, "scripts/from-npm"), [name], { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] }).trim();
}

const { chromium } = await import(pathToFileURL(path.join(fromNpm("playwright-core"), "index.mjs")));
let running = null;

// No name is resolved and nothing but loopback is reached: the page has to work without a network. Where the user is root,
// as in a container, Chromium has no sandbox.
export async function browser(environment = {}) {
  const executablePath = process.env.CHROMIUM || PROGRAMS.find((name) => existsSync(name));
  if (!executablePath) throw new Error(`no Chromium: none of ${PROGRAMS.join(", ")} is there (CHROMIUM names another)`);
  running ||= await chromium.launch({
    executablePath, chromiumSandbox: process.getuid() !== 0, env: { ...process.env, ...environment },
    args: ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--disable-gpu", "--font-render-hinting=none"],
  });
  return running;
}

export async function closePages() {
  await Promise.all((running?.contexts() ?? []).map((context) => context.close()));
}

export async function closeBrowser() {
  await running?.close();
  running = null;
}

// A page in a profile of its own; page.problems is what it must not have done, page.fetched its requests.
export async function openPage(service, { tab = "live", scheme = "light", width = 1440, height = 900, scale = 1, environment = {} } = {}) {
  const context = await (await browser(environment)).newContext({
    viewport: { width, height }, colorScheme: scheme, deviceScaleFactor: scale, locale: "en-GB", permissions: ["clipboard-read", "clipboard-write"],
  });
  return openTab(context, service, tab);
}

export async function openTab(context, service, tab = "live") {
  const page = await context.newPage();
  page.problems = [];
  page.fetched = [];
  page.on("console", (message) => page.problems.push(`console: ${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => page.problems.push(`error: ${error.stack}`));
  page.on("request", (request) => {
    page.fetched.push(request);
    if (!request.url().startsWith(service.url + "/")) page.problems.push(`request: ${request.url()}`);
  });
  await page.exposeFunction("noteViolation", (text) => page.problems.push(`policy: ${text}`));
  await page.addInitScript(() => {
    addEventListener("securitypolicyviolation", (event) => window.noteViolation(`${event.violatedDirective} ${event.blockedURI}`));
  });
  await page.goto(`${service.url}/dashboard#${tab}`);
  return page;
}

// What stands in the tile of a name: { value, more }.
export async function tile(page, name) {
  const place = page.locator("#tiles > div").filter({ has: page.locator("dt", { hasText: new RegExp(`^${name}$`) }) });
  return { value: await place.locator(".value").textContent(), more: await place.locator(".more").textContent() };
}

// A figure as the page writes it, of up to five digits, as a number.
export function figure(text) {
  return Number(text.replaceAll("\u202f", "").replace("\u2212", "-").match(/^-?[\d.]+/)?.[0] ?? NaN);
}

// Columns of pixels, from the left, in which a chart's canvas has the colour of its first series.
export function drawnColumns(page, title) {
  return page.evaluate((wanted) => {
    const box = [...document.querySelectorAll("figure")].find((one) => one.querySelector("figcaption").textContent.startsWith(wanted));
    const canvas = box?.querySelector("canvas");
    if (!canvas) return null;
    const probe = document.createElement("i");
    probe.className = "c0";
    document.body.append(probe);
    const [red, green, blue] = getComputedStyle(probe).backgroundColor.match(/\d+/g).map(Number);
    probe.remove();
    const { data, width, height } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const columns = [];
    for (let x = 0; x < width; x++) {
      for (let y = 0; y < height; y++) {
        const at = 4 * (y * width + x);
        const away = Math.abs(data[at] - red) + Math.abs(data[at + 1] - green) + Math.abs(data[at + 2] - blue);
        if (data[at + 3] > 128 && away < 24) {
          columns.push(x);
          break;
        }
      }
    }
    return columns;
  }, title);
}
