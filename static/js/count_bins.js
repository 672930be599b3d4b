// Adds the rows of the counts endpoint up to one bin per period; a gap stays a gap.
import { serverNow } from "./clock.js";

/** [{start, end, observed, possible, forward: {class: n}, backward: {class: n}}] in time order; `observed` in s. */
export function addUp(rows) {
  const bins = new Map();
  for (const row of rows) {
    const start = Date.parse(row.start);
    if (start >= serverNow()) continue; // the future is no gap
    let bin = bins.get(start);
    if (!bin) bins.set(start, (bin = { start, end: Date.parse(row.end), cameras: new Map(), forward: {}, backward: {} }));
    bin.cameras.set(row.camera, row.observed_s);
    if (row.class && row.count) bin[row.direction][row.class] = (bin[row.direction][row.class] ?? 0) + row.count;
  }
  return [...bins.values()].sort((a, b) => a.start - b.start).map(finish);
}

/** The same for zones: {start, end, observed, possible, visits, mean, most}. */
export function addUpZones(rows) {
  const bins = new Map();
  for (const row of rows) {
    const start = Date.parse(row.start);
    if (start >= serverNow()) continue;
    let bin = bins.get(start);
    if (!bin) bins.set(start, (bin = { start, end: Date.parse(row.end), cameras: new Map(), visits: null, mean: null, most: null }));
    bin.cameras.set(row.camera, row.observed_s);
    if (row.visits !== null) bin.visits = (bin.visits ?? 0) + row.visits;
    if (row.occupancy_mean !== null) bin.mean = (bin.mean ?? 0) + row.occupancy_mean;
    if (row.occupancy_max !== null) bin.most = (bin.most ?? 0) + row.occupancy_max;
  }
  return [...bins.values()].sort((a, b) => a.start - b.start).map(finish);
}

function finish({ cameras, ...bin }) {
  const observed = [...cameras.values()].reduce((a, b) => a + b, 0);
  // Of the bin that is running, only what has passed could have been observed.
  const length = (Math.min(bin.end, serverNow()) - bin.start) / 1000;
  return { ...bin, observed, possible: Math.max(1, length * cameras.size) };
}

export const coverage = (bin) => Math.min(1, bin.observed / bin.possible);
export const isGap = (bin) => !(bin.observed > 0);

export function classesIn(bins) {
  const names = new Set();
  for (const bin of bins) for (const way of [bin.forward, bin.backward]) for (const name of Object.keys(way)) names.add(name);
  return names;
}
