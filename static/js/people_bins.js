// Words for people's bins that charts, tables and figures share.
import { fill, gettext } from "./i18n.js";

/** Whether somebody watched, wholly or in part: only then a number is known. */
export const isKnown = (bin) => bin.coverage === "complete" || bin.coverage === "partial";

/** How much of a period was observed, in words: 100 % and 0 % only where it was all and nothing. */
export function observedShare(observed, possible) {
  const share = (100 * Math.min(observed, possible)) / Math.max(1, possible);
  const percent = share >= 99.95 ? 100 : share > 0 ? Math.max(1, Math.floor(share)) : 0;
  return fill(gettext("observed %(percent)s % of the time"), { percent });
}

export const observedWords = (bins) => observedShare(bins.reduce((n, bin) => n + bin.observed, 0), bins.reduce((n, bin) => n + bin.possible, 0));

/** "12 s", "4 min 05 s", "1 h 20 min": how long somebody stayed. */
export function stayText(seconds) {
  if (seconds === null) return "–";
  const s = Math.round(seconds);
  if (s < 60) return fill(gettext("%(n)s s"), { n: s });
  const two = (n) => String(n).padStart(2, "0");
  if (s < 3600) return fill(gettext("%(m)s min %(s)s s"), { m: Math.floor(s / 60), s: two(s % 60) });
  return fill(gettext("%(h)s h %(m)s min"), { h: Math.floor(s / 3600), m: two(Math.floor((s % 3600) / 60)) });
}
