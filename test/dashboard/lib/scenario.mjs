// A test of node's, with a limit of time, behind which no page stays open.

import { test } from "node:test";

import { closePages } from "./browser.mjs";

const LIMIT_MS = 240_000;

export function scenario(name, body) {
  test(name, { timeout: LIMIT_MS }, async (t) => {
    try {
      await body(t);
    } finally {
      await closePages();
    }
  });
}
