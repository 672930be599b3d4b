// Every chart as a table, and every table as a file.
import { classKey, inOrder } from "./classes.js";
import { h } from "./dom.js";
import { number } from "./format.js";
import { gettext } from "./i18n.js";
import { classesIn, isGap } from "./count_bins.js";
import { coverageText, periodText } from "./plot.js";
import { sum } from "./totals.js";

export const cell = (text) => h("td", { class: "number" }, text);
export const head = (...content) => h("th", { class: "number", scope: "col" }, ...content);
export const words = (text) => h("th", { scope: "col" }, text);

/** A table; `rows` are lists of <td>. */
export const table = (caption, heads, rows) => h("table", { class: "table" }, h("caption", { class: "unseen" }, caption),
  h("thead", {}, h("tr", {}, ...heads)), h("tbody", {}, ...rows.map((cells) => h("tr", {}, ...cells))));

/** One row per bin: its period, what `cells` makes of it, what was observed. A gap has no numbers. */
export function binTable(caption, heads, bins, cells) {
  return table(caption, [words(gettext("Period")), ...heads, head(gettext("Observed"))], bins.map((bin) => [
    h("td", { class: "numbers" }, periodText(bin)),
    ...(isGap(bin) ? heads.map(() => h("td", { class: "number quiet" }, "–")) : cells(bin)),
    h("td", { class: "number", "data-coverage": bin.coverage }, coverageText(bin))]));
}

export function countTable(bins) {
  const names = inOrder(classesIn(bins));
  const heads = ["forward", "backward"].flatMap((direction) => [
    head(h("span", { class: `arrow ${direction}` }), direction === "forward" ? gettext("Forward") : gettext("Backward")),
    ...names.map((name) => head(h("span", { class: `arrow ${direction}` }), classKey(name)))]);
  return binTable(gettext("Crossings by period, direction and class"), heads, bins, (bin) => ["forward", "backward"].flatMap((direction) => [
    h("td", { class: "number" }, h("b", {}, number(sum(bin[direction])))),
    ...names.map((name) => cell(number(bin[direction]?.[name] ?? 0)))]));
}

const FORMULA = /^[=+\-@\t\r]/;
const PLAIN = /^-?\d+(\.\d+)?$/;

/** The table's text as CSV: numbers as programs read them; a cell that a spreadsheet would run as a formula is quoted. */
export function tableCsv(element) {
  const parts = new Intl.NumberFormat(document.documentElement.lang || "en").formatToParts(-12345.6);
  const [group, point] = ["group", "decimal"].map((type) => parts.find((part) => part.type === type)?.value ?? "");
  const written = (node) => {
    const text = node.textContent.trim().replace(/\s+/g, " ");
    const plain = text.replaceAll(group, "").replace(point, ".");
    if (node.classList.contains("number") && PLAIN.test(plain)) return plain;
    return `"${(FORMULA.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`;
  };
  return [...element.rows].map((row) => [...row.cells].map(written).join(",")).join("\r\n");
}
