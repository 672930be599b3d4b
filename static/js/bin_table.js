// Every chart as a table: the same bins, gaps in words.
import { classKey, inOrder } from "./classes.js";
import { h } from "./dom.js";
import { decimal, number } from "./format.js";
import { gettext } from "./i18n.js";
import { classesIn, isGap } from "./count_bins.js";
import { coverageText, periodText } from "./plot.js";
import { sum } from "./totals.js";

const cell = (text) => h("td", { class: "number" }, text);
const head = (...content) => h("th", { class: "number", scope: "col" }, ...content);

function table(caption, heads, bins, cells) {
  return h("table", { class: "table" }, h("caption", { class: "unseen" }, caption),
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, gettext("Period")), ...heads, head(gettext("Coverage")))),
    h("tbody", {}, ...bins.map((bin) => h("tr", {}, h("td", { class: "numbers" }, periodText(bin)),
      ...(isGap(bin) ? [h("td", { class: "number quiet", colspan: heads.length }, gettext("not observed"))] : cells(bin)),
      cell(coverageText(bin))))));
}

export function countTable(bins) {
  const names = inOrder(classesIn(bins));
  const heads = ["forward", "backward"].flatMap((direction) => [
    head(h("span", { class: `arrow ${direction}` }), direction === "forward" ? gettext("Forward") : gettext("Backward")),
    ...names.map((name) => head(h("span", { class: `arrow ${direction}` }), classKey(name)))]);
  return table(gettext("Crossings by period, direction and class"), heads, bins, (bin) => ["forward", "backward"].flatMap((direction) => [
    h("td", { class: "number" }, h("b", {}, number(sum(bin[direction])))),
    ...names.map((name) => cell(number(bin[direction][name] ?? 0)))]));
}

export const zoneTable = (bins) => table(gettext("Visits and occupancy by period"),
  [head(gettext("Visits")), head(gettext("Mean inside")), head(gettext("Most inside"))], bins,
  (bin) => [cell(number(bin.visits ?? 0)), cell(bin.mean === null ? "–" : decimal(bin.mean)), cell(number(bin.most ?? 0))]);
