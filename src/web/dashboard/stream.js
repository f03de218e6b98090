// The server's stream of figures, and requests with the tab's token. A stream is read by fetch, since an EventSource
// cannot send a token. A tab that is not seen ends its stream and catches up when it is seen again.

const TOKEN = "simple-request-token";
const RETRY_MS = 1000;
const SILENCE_MS = 8000; // a row comes each second

export function token() {
  return sessionStorage.getItem(TOKEN) || "";
}

export function keepToken(text) {
  if (text) sessionStorage.setItem(TOKEN, text);
  else sessionStorage.removeItem(TOKEN);
}

export function ask(path, options = {}) {
  const headers = { Accept: "application/json", ...options.headers };
  if (token()) headers.Authorization = "Bearer " + token();
  return fetch(new URL(path, document.baseURI), { cache: "no-store", ...options, headers });
}

// The text of an answer that is not what was asked for; of 403 with the scope that was needed.
export async function reasonOf(answer) {
  try {
    const body = await answer.json();
    const scope = answer.status === 403 && /scope="(\w+)"/.exec(answer.headers.get("WWW-Authenticate"));
    return (body.error?.message || body.errors?.detail || answer.statusText) + (scope ? `: ${scope[1]}` : "");
  } catch {
    return answer.statusText || String(answer.status);
  }
}

// Calls on.hello, on.row, on.top, on.end with what comes; on.state("live" | "lost" | "paused" | "denied" | "busy").
export class Stream {
  constructor(on) {
    this.on = on;
    this.boot = "";
    this.after = 0;
    this.running = null;
    document.addEventListener("visibilitychange", () => (document.hidden ? this.pause() : this.open()));
  }

  open() {
    if (document.hidden) return this.on.state("paused");
    this.running?.abort();
    this.running = new AbortController();
    this.run(this.running);
  }

  pause() {
    this.running?.abort();
    this.running = null;
    this.on.state("paused");
  }

  async run(control) {
    while (!control.signal.aborted) {
      let state = "lost";
      try {
        state = await this.read(control);
      } catch {
        // The server is away, or went away: try again.
      }
      if (control.signal.aborted) return;
      this.on.state(state);
      if (state === "denied") return;
      await new Promise((done) => setTimeout(done, RETRY_MS));
    }
  }

  async read(control) {
    const silence = new AbortController();
    const answer = await ask(`dashboard/events?boot=${this.boot}&after=${this.after}`, {
      headers: { Accept: "text/event-stream" },
      signal: AbortSignal.any([control.signal, silence.signal]),
    });
    if (answer.status === 401 || answer.status === 403) return "denied";
    if (!answer.ok) return "busy";
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const timer = setTimeout(() => silence.abort(), SILENCE_MS);
      const { value, done } = await reader.read().finally(() => clearTimeout(timer));
      if (done) return "lost";
      const events = (rest + value).split("\n\n");
      rest = events.pop();
      for (const event of events) this.take(event);
      this.on.drawn();
    }
  }

  take(text) {
    let name = "row";
    let data = "";
    for (const line of text.split("\n")) {
      if (line.startsWith("event: ")) name = line.slice(7);
      else if (line.startsWith("data: ")) data = line.slice(6);
      else if (line.startsWith("id: ")) this.after = Number(line.slice(4));
    }
    if (!data) return;
    const body = JSON.parse(data);
    if (name === "hello") {
      const restarted = this.boot !== "" && this.boot !== body.boot;
      if (this.boot !== body.boot) this.after = 0;
      this.boot = body.boot;
      this.on.hello(body, restarted);
      this.on.state("live");
    } else {
      this.on[name]?.(body);
    }
  }
}
