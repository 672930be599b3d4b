// The same figures as a table, and as CSV.
import { h } from "./dom.js";
import { decimal } from "./format.js";
import { gettext } from "./i18n.js";
import { bytesText, countText } from "./sizes.js";

const share = (value) => (value === null || value === undefined ? null : decimal(value, 3));
const ms = (value) => (value === null || value === undefined ? null : decimal(value, value < 10 ? 2 : 1));
const range = (figures) => (figures?.low !== null && figures?.low !== undefined ? `${share(figures.low)}–${share(figures.high)}` : null);

// `of`: what must have been measured for the figure to be there; without it a figure is unknown, not missing.
const COLUMNS = [
  { head: () => gettext("Size"), show: (row) => bytesText(row.size_bytes) },
  { head: () => gettext("MACs"), show: (row) => (row.macs ? countText(row.macs) : null) },
  { of: "latency", head: () => gettext("Latency p50 (ms)"), show: (row) => ms(row.latency?.p50_ms) },
  { of: "latency", head: () => gettext("p95 (ms)"), show: (row) => ms(row.latency?.p95_ms) },
  { of: "latency", head: () => gettext("Memory"), show: (row) => (row.latency?.peak_bytes ? bytesText(row.latency.peak_bytes) : null) },
  { of: "accuracy", head: () => "AP50", show: (row) => share(row.accuracy?.ap50), strong: true },
  { of: "accuracy", head: () => gettext("90 % range"), show: (row) => range(row.accuracy) },
  { of: "accuracy", head: () => "AP50:95", show: (row) => share(row.accuracy?.ap50_95) },
];

function cell(column, row) {
  const text = column.show(row);
  const inner = text === null ? h("span", { class: "quiet" }, column.of && !row[column.of] ? gettext("not measured") : "–") : h(column.strong ? "b" : "span", {}, text);
  return h("td", { class: "number", "data-label": column.head() }, inner);
}

export function fillTable(table, document_, pages) {
  table.tHead.replaceChildren(h("tr", {}, h("th", { scope: "col" }, gettext("Version")), ...COLUMNS.map((column) => h("th", { scope: "col", class: "number" }, column.head()))));
  table.tBodies[0].replaceChildren(...document_.rows.map((row) => h("tr", { class: row.on_front ? "front" : null },
    h("td", {}, h("a", { href: `${pages}${row.version}/` }, h("b", {}, row.reference)), " ",
      row.reference === document_.best?.reference ? h("span", { class: "chip" }, gettext("best trade-off")) : row.on_front ? h("span", { class: "chip quiet-chip" }, gettext("on the front")) : null,
      row.parent ? h("span", { class: "quiet small block" }, `${gettext("from")} ${row.parent}`) : null),
    ...COLUMNS.map((column) => cell(column, row)))));
  table.hidden = document_.rows.length === 0;
}

const CSV = [
  ["version", (row) => row.reference], ["parent", (row) => row.parent], ["size_bytes", (row) => row.size_bytes], ["macs", (row) => row.macs], ["parameters", (row) => row.parameters],
  ["threads", (row) => row.latency?.threads], ["latency_p50_ms", (row) => row.latency?.p50_ms], ["latency_p95_ms", (row) => row.latency?.p95_ms], ["cpu_ms_per_frame", (row) => row.latency?.cpu_ms],
  ["peak_bytes", (row) => row.latency?.peak_bytes], ["processor", (row) => row.latency?.processor], ["latency_measured_at", (row) => row.latency?.measured_at],
  ["ap50", (row) => row.accuracy?.ap50], ["ap50_low", (row) => row.accuracy?.low], ["ap50_high", (row) => row.accuracy?.high], ["ap50_95", (row) => row.accuracy?.ap50_95],
  ["objects", (row) => row.accuracy?.objects], ["images", (row) => row.accuracy?.images], ["accuracy_measured_at", (row) => row.accuracy?.measured_at], ["on_front", (row) => row.on_front],
];

export function csvText(document_) {
  const cell = (value) => {
    let text = value === null || value === undefined ? "" : String(value);
    // A spreadsheet takes a text that begins like this for a formula and runs it.
    if (typeof value === "string" && /^[=+\-@\t\r]/.test(text)) text = `'${text}`;
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const lines = [["evaluation_set", "class", ...CSV.map(([name]) => name)], ...document_.rows.map((row) => [document_.set?.name ?? "", document_.class, ...CSV.map(([, value]) => value(row))])];
  return lines.map((line) => line.map(cell).join(",")).join("\r\n") + "\r\n";
}
