// The last ten minutes as columns: one array a figure, and one of times in seconds. Where seconds are missing (the
// server was away, or is another one since) a row of nulls stands, so that no line is drawn across.

const SECONDS = 600;
const GAP_MS = 3000;

export class History {
  constructor() {
    this.fields = [];
    this.begin([]);
  }

  begin(fields) {
    if (this.fields.join() === fields.join() && fields.length) return;
    this.fields = fields;
    this.times = [];
    this.columns = new Map(fields.map((name) => [name, []]));
  }

  add(row) {
    const time = row[0] / 1000;
    const last = this.times.at(-1);
    if (last !== undefined && time <= last) return;
    if (last !== undefined && (time - last) * 1000 > GAP_MS) this.push(last + 1, () => null);
    this.push(time, (index) => row[index]);
    let old = 0;
    while (this.times[old] < time - SECONDS) old++;
    if (old) for (const column of [this.times, ...this.columns.values()]) column.splice(0, old);
  }

  push(time, value) {
    this.times.push(time);
    this.fields.forEach((name, index) => this.columns.get(name).push(value(index)));
  }

  get size() {
    return this.times.length;
  }

  column(name) {
    return this.columns.get(name) || [];
  }

  last(name) {
    return this.column(name).at(-1) ?? null;
  }

  // The newest value that is not zero: of what happens every few seconds.
  recent(name) {
    return this.column(name).findLast((value) => value) ?? null;
  }

  // Sum of the rows of the last seconds.
  sum(name, seconds) {
    const since = (this.times.at(-1) ?? 0) - seconds;
    let sum = 0;
    this.column(name).forEach((value, index) => (sum += this.times[index] > since ? value || 0 : 0));
    return sum;
  }

  // Names of a group ("status", "rejected") of which something came in the last ten minutes.
  active(group) {
    return this.fields.filter((name) => name.startsWith(group + ".") && this.column(name).some((value) => value));
  }
}

export function withoutZeros(column) {
  return column.map((value) => value || null);
}
