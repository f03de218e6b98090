// Pictures of the page under a load that rises and falls: node test/dashboard/screenshots.mjs [--seconds N] [--all FOLDER]
//
// Writes docs/images/dashboard-light.png and dashboard-dark.png, which README shows; --all writes every page in light and
// dark, for a phone, and before anything was counted, to a folder, for a look at what was changed. The load runs for
// 620 s before, so that all ten minutes are filled.

import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { closeBrowser, openPage } from "./lib/browser.mjs";
import { Load, Service } from "./lib/service.mjs";

const IMAGES = fileURLToPath(new URL("../../docs/images/", import.meta.url));
const FONTS = `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig><include ignore_missing="yes">/etc/fonts/fonts.conf</include>
${["system-ui", "sans-serif", "DejaVu Sans"].map((name) => `<match target="pattern"><test name="family"><string>${name}</string></test>
<edit name="family" mode="assign" binding="strong"><string>Inter</string></edit></match>`).join("")}</fontconfig>`;
const KEYS = ["page:home", "page:pricing", "api:/v1/orders", "api:/v1/users", "likes:post:8123", "stock:sku-4411", "login:ok", "login:failed",
              "quota:acme", "video:42:views", "page:docs", "api:/v1/carts", "likes:post:17", "download:2.1", "signup"];
const EVERY_PAGE = ["light", "dark"].flatMap((scheme) => ["live", "counters", "home"].flatMap((tab) => [{ scheme, tab }, { scheme, tab, width: 390, height: 844 }]))
  .concat([{ scheme: "light", tab: "live", width: 2560, height: 1440 }, { scheme: "dark", tab: "live", width: 820, height: 1180 }]);

const { values: given } = parseArgs({ options: { seconds: { type: "string", default: "620" }, all: { type: "string" } } });
const wait = (ms) => new Promise((done) => setTimeout(done, ms));

// What a shop might count: few keys get most of it, and visitors come and go.
function draw() {
  const key = Math.random() < 0.85 ? KEYS[Math.floor(KEYS.length * Math.random() ** 2.6)] : `user:${Math.floor(Math.random() * 5000)}`;
  return { key, value: Math.random() < 0.004 ? 1.5 : 1 };
}

function visitors() {
  const seconds = Date.now() / 1000;
  return 40 + 22 * Math.sin(seconds / 41) + 11 * Math.sin(seconds / 7.3) + 8 * Math.random();
}

async function picture(service, file, look, fullPage) {
  const page = await openPage(service, { ...look, environment: { FONTCONFIG_FILE: await service.withFile("fonts.conf", FONTS) } });
  if (look.tab === "counters") await page.locator("#found tbody button").first().click({ timeout: 3000 }).catch(() => {});
  await wait(look.tab === "counters" ? 6000 : 3000); // figures under watch have something to show
  writeFileSync(file, await page.screenshot({ fullPage }));
  await page.context().close();
}

async function every(service, folder, when) {
  for (const look of EVERY_PAGE) {
    await picture(service, path.join(folder, `${when}-${look.tab}-${look.scheme}-${look.width || 1440}.png`), look, true);
  }
}

const service = await (await Service.start()).ready();
if (given.all) {
  mkdirSync(given.all, { recursive: true });
  await every(service, given.all, "empty");
}
const load = new Load(service, draw, { each: visitors, pause: 18 });
try {
  await wait(Number(given.seconds) * 1000);
  if (given.all) await every(service, given.all, "busy");
  mkdirSync(IMAGES, { recursive: true });
  for (const scheme of ["light", "dark"]) {
    const file = path.join(IMAGES, `dashboard-${scheme}.png`);
    await picture(service, file, { scheme, tab: "live", width: 1280, height: 800, scale: 2 }, false);
    execFileSync("pngquant", ["--force", "--speed", "1", "--quality", "60-95", "--output", file, file], { stdio: "inherit" });
  }
} finally {
  load.stop();
  await closeBrowser();
  await service.remove();
}
