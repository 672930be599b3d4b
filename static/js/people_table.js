// The charts of people as tables: the same bins, what was not observed in words.
import { h } from "./dom.js";
import { decimal, number } from "./format.js";
import { gettext } from "./i18n.js";
import { isKnown, stayText } from "./people_bins.js";
import { coverageText, periodText } from "./plot.js";

const cell = (text) => h("td", { class: "number" }, text);
const mean = (value) => (value === null ? "–" : decimal(value, value < 1 ? 2 : 1));
const head = (text) => h("th", { class: "number", scope: "col" }, text);

function table(caption, heads, bins, cells) {
  return h("table", { class: "table" }, h("caption", { class: "unseen" }, caption),
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, gettext("Period")), ...heads.map(head), head(gettext("Coverage")))),
    h("tbody", {}, ...bins.map((bin) => h("tr", {}, h("td", { class: "numbers" }, periodText(bin)),
      ...(isKnown(bin) ? cells(bin).map(cell) : [h("td", { class: "number quiet", colspan: heads.length }, "–")]),
      h("td", { class: "number", "data-coverage": bin.coverage }, coverageText(bin))))));
}

export const areaTable = (bins) => table(gettext("Persons who came and left by period"),
  [gettext("Came in"), gettext("Left"), gettext("Mean inside"), gettext("Most inside"), gettext("At the end")], bins,
  (b) => [number(b.entries ?? 0), number(b.exits ?? 0), mean(b.inside_mean), level(b.inside_most, b), level(b.inside_end, b)]);

const level = (value, bin) => (value === null ? "–" : `${number(value)}${bin.inside_doubtful ? " ?" : ""}`);

export function zoneTable(bins) {
  const dwelt = bins.some((bin) => bin.stays !== null);
  const heads = [gettext("Visits"), gettext("Mean"), gettext("Most at once"), ...(dwelt ? [gettext("Stays"), gettext("Median stay"), gettext("90th percentile")] : [])];
  return table(gettext("Visits and occupancy by period"), heads, bins, (b) => [
    number(b.visits ?? 0), mean(b.mean), number(b.most ?? 0),
    ...(dwelt ? [number(b.stays ?? 0), stayText(b.dwell_median_s), stayText(b.dwell_p90_s)] : [])]);
}

/** One row a zone; the chosen one's charts stand below. `nameOf(zone)`: its name, and its camera's where there are several. */
export function zoneList(zones, chosen, { nameOf, keyOf, choose, limits }) {
  const few = (zone, key, least) => (zone.stays < least
    ? h("span", { class: "quiet", title: gettext("too few stays") }, gettext("too few")) : stayText(zone[key]));
  return h("table", { class: "table zone-list" }, h("caption", { class: "unseen" }, gettext("Zones over the whole period")),
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, gettext("Zone")),
      ...[gettext("Visits"), gettext("Mean at once"), gettext("Most at once"), gettext("Median stay"), gettext("90th percentile"), gettext("of stays")].map(head))),
    h("tbody", {}, ...zones.map((zone) => h("tr", { "aria-selected": String(keyOf(zone) === chosen) },
      h("td", {}, h("button", { class: "pick", type: "button", "aria-pressed": String(keyOf(zone) === chosen), onclick: () => choose(keyOf(zone)) }, nameOf(zone))),
      cell(zone.coverage === "down" || zone.coverage === "unknown" ? "–" : number(zone.visits)),
      cell(mean(zone.mean)),
      cell(zone.mean === null ? "–" : number(zone.most)),
      cell(few(zone, "dwell_median_s", limits.median)), cell(few(zone, "dwell_p90_s", limits.p90)), cell(number(zone.stays))))));
}
