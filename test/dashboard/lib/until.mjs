// Waits for what is told to become true.

const LOOK_MS = 50;

export async function until(what, look, limit_ms = 20_000) {
  const end = Date.now() + limit_ms;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > end) throw new Error(`not within ${limit_ms} ms: ${what}`);
    await new Promise((done) => setTimeout(done, LOOK_MS));
  }
}
