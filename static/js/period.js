// Periods on the site's clock, as local texts "2026-11-21T00:00" that the gateway reads in its own zone.
import { serverNow } from "./clock.js";
import { timeZone } from "./format.js";

const LOCAL = new Intl.DateTimeFormat("sv-SE", { timeZone, year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit" });

/** Instant → "2026-11-21T14:05" on the site's clock. */
export const localText = (at) => LOCAL.format(at).replace(" ", "T");

export const localMinuteOfDay = (at) => {
  const [hours, minutes] = localText(at).slice(11).split(":").map(Number);
  return hours * 60 + minutes;
};

const dayAfter = (day, n) => new Date(Date.parse(`${day}T00:00Z`) + n * 86_400_000).toISOString().slice(0, 10);
const midnight = (day) => `${day}T00:00`;

export const PRESETS = {
  today: (day) => [midnight(day), midnight(dayAfter(day, 1))],
  yesterday: (day) => [midnight(dayAfter(day, -1)), midnight(day)],
  week: (day) => [midnight(dayAfter(day, -6)), midnight(dayAfter(day, 1))],
  month: (day) => [midnight(dayAfter(day, -29)), midnight(dayAfter(day, 1))],
  year: (day) => [midnight(dayAfter(day, -364)), midnight(dayAfter(day, 1))],
};

export function presetPeriod(name) {
  const [from, to] = PRESETS[name](localText(serverNow()).slice(0, 10));
  return { from, to };
}

/** A time of an address as the fields show it: one with an offset or Z on the site's clock, a day as its midnight; "" for none. */
function fieldTime(text) {
  if (!text) return "";
  const given = text.replace(/(T.*) (\d\d:?\d\d)$/, "$1+$2"); // a plus that became a blank on its way
  if (/^\d{4}-\d\d-\d\d$/.test(given)) return midnight(given);
  if (!/(Z|[+-]\d\d:?\d\d)$/i.test(given)) return given.slice(0, 16);
  const at = Date.parse(given.replace(/([+-]\d\d)(\d\d)$/, "$1:$2"));
  return Number.isNaN(at) ? "" : localText(at);
}

/** The period that an address names, {from, to} as the fields show them; without an end, until the end of today. */
export function periodOf(given) {
  const from = fieldTime(given.get("from"));
  return { from, to: fieldTime(given.get("to")) || (from && presetPeriod("today").to) };
}

/** What an address keeps of a query: a preset by its name, so that a link to today stays one to today. */
export function addressOf(query, preset) {
  const kept = new URLSearchParams(query);
  if (preset !== "custom") {
    kept.delete("from");
    kept.delete("to");
    kept.set("period", preset);
  }
  return kept;
}

/** Minutes between two local texts, as the clock shows them. */
export const minutesBetween = (from, to) => (Date.parse(`${to}Z`) - Date.parse(`${from}Z`)) / 60_000;

export const BINS = [1, 5, 15, 60, 1440, 10080];
const MOST_BINS = 1500;
const GOOD_BINS = 170;

export const allowedBins = (from, to) => BINS.filter((bin) => minutesBetween(from, to) / bin <= MOST_BINS && minutesBetween(from, to) >= bin);
export const goodBin = (from, to) => BINS.find((bin) => minutesBetween(from, to) / bin <= GOOD_BINS) ?? 10080;
