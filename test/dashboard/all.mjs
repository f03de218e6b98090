// Every test of the dashboard in a real browser, in one process and one Chromium: make test-dashboard.

import { after } from "node:test";

import { closeBrowser } from "./lib/browser.mjs";

after(closeBrowser);

await import("./live.mjs");
await import("./counters.mjs");
await import("./tokens.mjs");
await import("./home.mjs");
await import("./access.mjs");
