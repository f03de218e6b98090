#!/usr/bin/env node
// Counts once, however often it has to ask: increment.mjs URL KEY [N]
//
// One Idempotency-Key is drawn for the increment and sent with every attempt. Lost connections, 409 (the first attempt is
// still running), 429 and 5xx are tried again for a minute, after what Retry-After says or a pause that grows.
// `as=string`: totals beyond 2^53 come as strings and lose no digit.
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

async function attempt(url, body, token) {
  try {
    const answer = await fetch(`${url}/increment?as=string`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "Idempotency-Key": token },
      body,
      signal: AbortSignal.timeout(5000),
    });
    return { status: answer.status, retryAfter: Number(answer.headers.get("retry-after")), text: await answer.text() };
  } catch (error) {
    return { status: 0, retryAfter: 0, text: String(error.cause ?? error) };
  }
}

// The counter's total as a BigInt; null where the increment is kept and the total is not known now.
export async function increment(url, key, value = 1, patience = 60_000) {
  const token = randomUUID();
  const body = JSON.stringify({ key, value });
  const deadline = Date.now() + patience;
  for (let pause = 200; ; pause = Math.min(2 * pause, 8000)) {
    const { status, retryAfter, text } = await attempt(url, body, token);
    if (status >= 200 && status < 300) {
      const total = JSON.parse(text).data.value;
      return total === null ? null : BigInt(total);
    }
    if (status !== 0 && status < 500 && status !== 409 && status !== 429) {
      throw new Error(`refused with ${status}: ${text}`);
    }
    if (Date.now() > deadline) {
      throw new Error(`given up, counted once or not at all: ${status || "no answer"}: ${text}`);
    }
    const wait = retryAfter * 1000 || pause * (0.5 + Math.random() / 2);
    console.error(`increment: ${status || "no answer"}, again in ${(wait / 1000).toFixed(1)} s`);
    await sleep(wait);
  }
}

const [url, key, value] = process.argv.slice(2);
console.log(String(await increment(url, key, Number(value ?? 1))));
