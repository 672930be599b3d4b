// Bins as the statistics endpoints tell them, ready for charts; a gap stays a gap.
import { serverNow } from "./clock.js";

/** Rows → the same with `start`, `end` in ms, `observed` and `possible` in s; the future is no gap and is left out. */
export const binsOf = (rows) => rows
  .map((row) => ({ ...row, start: Date.parse(row.start), end: Date.parse(row.end) }))
  .filter((bin) => bin.start < serverNow())
  .map((bin) => ({ ...bin, observed: bin.observed_s, possible: bin.possible_s ?? (Math.min(bin.end, serverNow()) - bin.start) / 1000 }));

/** Share of a bin that was observed. */
export const coverage = (bin) => Math.min(1, bin.observed / Math.max(1, bin.possible));
export const isGap = (bin) => !(bin.observed > 0);

export function classesIn(bins) {
  const names = new Set();
  for (const bin of bins) for (const way of [bin.forward, bin.backward]) for (const name of Object.keys(way ?? {})) names.add(name);
  return names;
}
