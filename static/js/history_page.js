// The history page: filters → address → bins from the gateway → chart, table, download.
import { api, apiUrl } from "./api.js";
import { countTable, zoneTable } from "./bin_table.js";
import { classKey, CLASSES, className, inOrder } from "./classes.js";
import { addUp, addUpZones, coverage, isGap } from "./count_bins.js";
import { h, readJson } from "./dom.js";
import { number } from "./format.js";
import { drawCounts } from "./history_chart.js";
import { fill, gettext } from "./i18n.js";
import { allowedBins, BINS, goodBin, PRESETS, presetPeriod } from "./period.js";
import { byDirection, sum } from "./totals.js";
import { drawOccupancy, drawVisits } from "./zone_chart.js";

const find = (name) => document.querySelector(`[data-${name}]`);
const form = find("filters");
const cameras = readJson("cameras", []);
const given = new URLSearchParams(location.search);
const plotly = find("charts").dataset.plotly;
const state = {
  tab: given.get("tab") === "people" ? "people" : "traffic",
  preset: given.get("from") ? "custom" : (given.get("period") in PRESETS ? given.get("period") : "today"),
  bin: BINS.includes(Number(given.get("bin"))) ? Number(given.get("bin")) : null,
};
let abort = null;
let bins = [];

function period() {
  return state.preset === "custom" ? { from: form.elements.from.value, to: form.elements.to.value } : presetPeriod(state.preset);
}

function fillLines() {
  const camera = cameras.find((c) => String(c.id) === form.elements.camera.value);
  const people = state.tab === "people";
  const items = camera ? (people ? camera.zones : camera.lines) : [];
  const kept = form.elements.line.value || given.get("line") || "";
  form.elements.line.replaceChildren(h("option", { value: "" }, people ? gettext("All zones") : gettext("All lines")),
    ...items.map((item) => h("option", { value: item.id }, item.name)));
  form.elements.line.value = items.some((item) => item.id === kept) ? kept : "";
  form.elements.line.disabled = items.length < 2 && !form.elements.line.value;
}

function showControls() {
  const { from, to } = period();
  for (const button of document.querySelectorAll("[data-tab]")) button.setAttribute("aria-selected", String(button.value === state.tab));
  for (const button of document.querySelectorAll("[data-preset]")) button.setAttribute("aria-pressed", String(button.value === state.preset));
  const allowed = allowedBins(from, to);
  if (!allowed.includes(state.bin)) state.bin = null;
  const bin = state.bin ?? goodBin(from, to);
  for (const button of document.querySelectorAll("[data-bin]")) {
    button.disabled = !allowed.includes(Number(button.value));
    button.setAttribute("aria-pressed", String(Number(button.value) === bin));
  }
  find("custom").hidden = state.preset !== "custom";
  if (state.preset !== "custom") [form.elements.from.value, form.elements.to.value] = [from, to];
  for (const part of document.querySelectorAll("[data-only]")) part.hidden = part.dataset.only !== state.tab;
  return { from, to, bin };
}

async function load() {
  const { from, to, bin } = showControls();
  if (!from || !to || from >= to) {
    say(gettext("Choose a beginning that is before the end."), "warn");
    return;
  }
  const query = new URLSearchParams({ bin, from, to });
  for (const name of ["camera", "line", "class", "direction"]) {
    const value = form.elements[name].value;
    if (value && (state.tab === "traffic" || name === "camera")) query.set(name, value);
  }
  remember(query);
  find("csv").href = `${apiUrl(state.tab === "people" ? "visits/" : "counts/")}?${csvQuery(query)}`;
  abort?.abort();
  const mine = (abort = new AbortController());
  const slow = setTimeout(() => find("busy").hidden = false, 400);
  try {
    bins = state.tab === "people" ? await zones(query, mine.signal) : addUp((await api(`counts/?${query}`, { signal: mine.signal })).results);
    say("");
    await show();
  } catch (error) {
    if (error.name !== "AbortError") say(error.message, "fail");
  } finally {
    clearTimeout(slow);
    if (abort === mine) find("busy").hidden = true;
  }
}

async function zones(query, signal) {
  const answer = await fetch(`${find("charts").dataset.zones}?${query}`, { signal, headers: { Accept: "application/json" } });
  const document_ = await answer.json();
  if (!answer.ok) throw new Error(document_.message);
  const zone = form.elements.line.value;
  return addUpZones(document_.results.filter((row) => !zone || row.zone === zone));
}

function csvQuery(query) {
  const csv = new URLSearchParams(query);
  csv.set("format", "csv");
  if (state.tab === "people") {
    csv.delete("bin");
    if (form.elements.line.value) csv.set("zone", form.elements.line.value);
  }
  return csv;
}

function remember(query) {
  const kept = new URLSearchParams(query);
  if (state.preset !== "custom") {
    kept.delete("from");
    kept.delete("to");
    kept.set("period", state.preset);
  }
  if (!state.bin) kept.delete("bin");
  if (state.tab === "people") kept.set("tab", "people");
  history.replaceState(null, "", `?${kept}`);
}

async function show() {
  const traffic = state.tab === "traffic";
  const some = bins.some((bin) => !isGap(bin));
  find("nothing").hidden = some;
  find("charts").hidden = !some;
  find("summary").replaceChildren(...(some ? (traffic ? trafficSummary() : zoneSummary()) : []));
  if (!find("table").hidden) showTable();
  if (!some) return;
  if (traffic) await drawCounts(find("chart"), plotly, bins);
  else await Promise.all([drawVisits(find("visits"), plotly, bins), drawOccupancy(find("occupancy"), plotly, bins)]);
}

function trafficSummary() {
  const total = byDirection(Object.fromEntries(bins.map((bin) => [bin.start, { forward: bin.forward, backward: bin.backward }])));
  const classes = {};
  for (const way of [total.forward, total.backward]) for (const [name, n] of Object.entries(way)) classes[name] = (classes[name] ?? 0) + n;
  return [
    h("p", { class: "lead" }, h("b", { class: "figure numbers" }, number(sum(classes))), ` ${gettext("crossings in this period")}`),
    h("p", {}, h("i", { class: "arrow" }), h("b", {}, number(sum(total.forward))), gettext("forward"), h("i", { class: "arrow backward" }), h("b", {}, number(sum(total.backward))), gettext("backward")),
    observedWords(),
    h("p", { class: "keys" }, ...inOrder(Object.keys(classes)).map((name) => classKey(name, classes[name], true))),
  ];
}

function zoneSummary() {
  const visits = bins.reduce((n, bin) => n + (bin.visits ?? 0), 0);
  return [h("p", { class: "lead" }, h("b", { class: "figure numbers" }, number(visits)), ` ${gettext("visits in this period")}`), observedWords()];
}

function observedWords() {
  const whole = bins.reduce((n, bin) => n + bin.possible, 0);
  const seen = bins.reduce((n, bin) => n + coverage(bin) * bin.possible, 0);
  return h("p", { class: "quiet" }, fill(gettext("observed %(percent)s % of the time"), { percent: Math.round((100 * seen) / whole) }));
}

function showTable() {
  find("table").replaceChildren(state.tab === "traffic" ? countTable(bins) : zoneTable(bins));
}

function say(text, tone = "fail") {
  find("problem").hidden = !text;
  find("problem").className = `notice plain-words ${tone}`;
  find("problem").textContent = text;
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-tab], [data-preset], [data-bin], [data-as-table]");
  if (!button) return;
  if (button.matches("[data-tab]")) state.tab = button.value;
  if (button.matches("[data-preset]")) state.preset = button.value;
  if (button.matches("[data-bin]")) state.bin = Number(button.value);
  if (button.matches("[data-as-table]")) {
    find("table").hidden = !find("table").hidden;
    button.setAttribute("aria-pressed", String(!find("table").hidden));
    if (!find("table").hidden) showTable();
    return;
  }
  fillLines();
  load();
});
form.addEventListener("change", () => {
  fillLines();
  load();
});
form.addEventListener("submit", (event) => event.preventDefault());
addEventListener("themechange", () => bins.length && show());

form.elements.camera.append(...cameras.map((camera) => h("option", { value: camera.id }, camera.name)));
form.elements.class.append(...CLASSES.map((name) => h("option", { value: name }, className(name))));
for (const name of ["camera", "class", "direction", "from", "to"]) if (given.get(name)) form.elements[name].value = given.get(name);
fillLines();
load();
