// Figures as text: few digits, fixed width with tabular numerals, units that a reader need not convert.

const GROUP = "\u202f"; // narrow no-break space

export function grouped(text) {
  return String(text).replace(/\B(?=(\d{3})+(?!\d))/g, GROUP);
}

function scaled(value, units, step) {
  let unit = 0;
  let rest = Math.abs(value);
  while (rest >= step && unit < units.length - 1) {
    rest /= step;
    unit++;
  }
  const digits = unit === 0 || rest >= 100 ? 0 : rest >= 10 ? 1 : 2;
  const text = (value < 0 ? "\u2212" : "") + rest.toFixed(digits);
  return units[unit] ? text + GROUP + units[unit] : text;
}

// Up to five digits are told as they are.
export function count(value) {
  if (value === null || value === undefined) return "–";
  return Math.abs(value) < 100000 ? grouped(Math.round(value)).replace("-", "\u2212") : scaled(value, ["", "k", "M", "G", "T", "P", "E"], 1000);
}

// Without zeros that say nothing: of an axis and of a limit, which do not move.
export function tidy(text) {
  return text.replace(/(\.\d*?)0+(?!\d)/, "$1").replace(/\.(?!\d)/, "");
}

export function rate(value) {
  if (value === null || value === undefined) return "–";
  return Math.abs(value) < 100 && !Number.isInteger(value) ? value.toFixed(1) : count(value);
}

export function bytes(value) {
  return value === null || value === undefined ? "–" : scaled(value, ["B", "KiB", "MiB", "GiB", "TiB", "PiB"], 1024);
}

export function micros(value) {
  if (value === null || value === undefined) return "–";
  if (value < 1000) return Math.round(value) + GROUP + "µs";
  return value < 1e6 ? scaled(value / 1000, ["ms"], 1e9).replace(/^(\d+)(?=\u202f)/, (all) => (value < 1e5 ? (value / 1000).toFixed(1) : all)) : (value / 1e6).toFixed(value < 1e7 ? 2 : 1) + GROUP + "s";
}

export function millis(value) {
  return value === null || value === undefined ? "–" : micros(value * 1000);
}

export function percent(value) {
  return value === null || value === undefined ? "–" : value.toFixed(value < 10 ? 1 : 0) + GROUP + "%";
}

export function span(ms) {
  let rest = Math.floor(ms / 1000);
  const parts = [];
  for (const [size, unit] of [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]]) {
    const whole = Math.floor(rest / size);
    rest -= whole * size;
    if (whole || (unit === "s" && !parts.length)) parts.push(whole + GROUP + unit);
  }
  return parts.slice(0, 2).join(" ");
}

// By the reader's clock.
export function moment(ms) {
  return new Date(ms).toLocaleString("sv-SE"); // 2026-01-31 23:59:59
}

export function clock(ms) {
  return new Date(ms).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
}
