// The people page: filters → address → bins from the gateway → charts, tables, downloads.
import { api, apiUrl } from "./api.js";
import { binsOf } from "./count_bins.js";
import { h, readJson } from "./dom.js";
import { dayMinute, decimal, number } from "./format.js";
import { fill, gettext, ngettext } from "./i18n.js";
import { isKnown, observedWords } from "./people_bins.js";
import { drawDwell, drawDwellOver, drawFootfall, drawInside, drawOccupancy, drawVisits } from "./people_charts.js";
import { areaTable, zoneList, zoneTable } from "./people_table.js";
import { Ways } from "./people_ways.js";
import { addressOf, allowedBins, BINS, goodBin, minutesBetween, periodOf, PRESETS, presetPeriod } from "./period.js";
import { periodText } from "./plot.js";

const FINE_MOST_MINUTES = 25 * 60;
const find = (name) => document.querySelector(`[data-${name}]`);
const form = find("filters");
const cameras = readJson("cameras", []);
const limits = readJson("limits", {});
const given = new URLSearchParams(location.search);
const plotly = find("area-charts").dataset.plotly;
const ways = new Ways(cameras, given.get("entry"));
const state = {
  preset: given.get("from") ? "custom" : given.get("period") in PRESETS ? given.get("period") : "today",
  bin: BINS.includes(Number(given.get("bin"))) ? Number(given.get("bin")) : null,
  zone: given.get("zone") ?? "",
};
let abort = null;
let area = null;
let zones = null;

const chosenCameras = () => cameras.filter((camera) => !form.elements.camera.value || String(camera.id) === form.elements.camera.value);
const period = () => (state.preset === "custom" ? { from: form.elements.from.value, to: form.elements.to.value } : presetPeriod(state.preset));
const keyOf = (zone) => `${zone.camera}:${zone.zone}`;

function zoneName(zone) {
  const camera = cameras.find((c) => c.id === zone.camera);
  const name = camera?.zones.find((z) => z.id === zone.zone)?.name ?? zone.zone;
  return chosenCameras().length > 1 ? `${camera?.name ?? zone.camera}: ${name}` : name;
}

function showControls() {
  const { from, to } = period();
  for (const button of document.querySelectorAll("[data-preset]")) button.setAttribute("aria-pressed", String(button.value === state.preset));
  const allowed = allowedBins(from, to).filter((bin) => bin >= 15 || minutesBetween(from, to) <= FINE_MOST_MINUTES);
  if (!allowed.includes(state.bin)) state.bin = null;
  const bin = state.bin ?? Math.max(15, goodBin(from, to));
  for (const button of document.querySelectorAll("[data-bin]")) {
    button.disabled = !allowed.includes(Number(button.value));
    button.setAttribute("aria-pressed", String(Number(button.value) === bin));
  }
  find("custom").hidden = state.preset !== "custom";
  if (state.preset !== "custom") [form.elements.from.value, form.elements.to.value] = [from, to];
  find("way-list").replaceChildren(ways.list(chosenCameras(), load));
  find("ways-said").textContent = ways.said(chosenCameras());
  return { from, to, bin };
}

async function load() {
  const { from, to, bin } = showControls();
  if (!from || !to || from >= to) {
    say(gettext("Choose a beginning that is before the end."), "warn");
    return;
  }
  const query = new URLSearchParams({ bin, from, to });
  if (form.elements.camera.value) query.set("camera", form.elements.camera.value);
  else query.set("camera", cameras.map((camera) => camera.id).join(","));
  const area_ = new URLSearchParams(query);
  area_.set("reset", find("reset").value);
  if (ways.query(chosenCameras())) area_.set("entry", ways.query(chosenCameras()));
  remember(area_);
  const zones_ = new URLSearchParams([...query, ["of", "zones"]]);
  for (const [name, those] of [["area", area_], ["zones", zones_]]) {
    document.querySelector(`[data-csv=${name}]`).href = `${apiUrl("statistics/people/")}?${those}&format=csv`;
  }
  abort?.abort();
  const mine = (abort = new AbortController());
  const slow = setTimeout(() => find("busy").hidden = false, 400);
  try {
    [area, zones] = await Promise.all([area_, zones_].map((q) => api(`statistics/people/?${q}`, { signal: mine.signal })));
    say("");
    await show();
  } catch (error) {
    if (error.name !== "AbortError") say(error.message, "fail");
  } finally {
    clearTimeout(slow);
    if (abort === mine) find("busy").hidden = true;
  }
}

function remember(query) {
  const kept = addressOf(query, state.preset);
  if (!form.elements.camera.value) kept.delete("camera");
  if (!state.bin) kept.delete("bin");
  if (state.zone) kept.set("zone", state.zone);
  history.replaceState(null, "", `?${kept}`);
}

const show = () => Promise.all([showArea(), showZones()]);

async function showArea() {
  const bins = binsOf(area.results);
  const some = bins.some(isKnown);
  const [none, words] = area.lines.length === 0
    ? [true, gettext("No line is chosen. Draw a line across each door, or choose above which way leads in.")]
    : [!some, gettext("Nothing was observed in this period. Choose another one.")];
  find("area-nothing").hidden = !none;
  find("area-nothing").textContent = words;
  find("area-charts").hidden = none;
  find("area-figures").replaceChildren(...(none ? [] : areaFigures(bins)));
  find("area-table").replaceChildren(none ? "" : areaTable(bins));
  if (none) return;
  find("drift").textContent = driftText(area.drifts, bins);
  await Promise.all([drawFootfall(find("footfall"), plotly, bins), drawInside(find("inside"), plotly, bins, area.drifts)]);
}

function areaFigures(bins) {
  const total = (key) => bins.reduce((n, bin) => n + (bin[key] ?? 0), 0);
  const busiest = bins.reduce((best, bin) => ((bin.inside_most ?? -1) > (best.inside_most ?? -1) ? bin : best), bins[0]);
  const came = total("entries");
  return [
    h("p", { class: "lead" }, h("b", { class: "figure numbers" }, number(came)), ` ${ngettext("person came in", "persons came in", came)}`),
    h("p", {}, h("b", {}, number(total("exits"))), ` ${gettext("left")}`),
    busiest.inside_most === null ? null : h("p", {}, gettext("most inside"), " ", h("b", {}, number(busiest.inside_most)), ` ${periodText(busiest)}`,
      busiest.inside_doubtful ? h("span", { title: gettext("Not all of the time before it was observed.") }, gettext("(may be off)")) : null),
    h("p", {}, observedWords(bins)),
  ].filter(Boolean);
}

function driftText(drifts, bins) {
  const said = [];
  if (drifts.length) {
    const last = drifts[drifts.length - 1], off = last.off_by;
    const how = off === 0 ? gettext("was right") : fill(off > 0 ? gettext("was %(n)s too high") : gettext("was %(n)s too low"), { n: number(Math.abs(off)) });
    said.push(fill(gettext("When it was last set back, %(when)s, the count %(how)s."), { when: dayMinute(Date.parse(last.at)), how }));
    const mean = drifts.reduce((sum, d) => sum + Math.abs(d.off_by), 0) / drifts.length;
    if (drifts.length > 1) said.push(fill(gettext("Over %(n)s nights it was off by %(mean)s on average."), { n: number(drifts.length), mean: decimal(mean) }));
  }
  const last = [...bins].reverse().find(isKnown);
  if (last?.inside_doubtful) said.push(gettext("Not all of the time since then was observed: the number inside may be off."));
  return said.join(" ");
}

async function showZones() {
  const all = zones.zones;
  if (!all.some((zone) => keyOf(zone) === state.zone)) state.zone = all.length ? keyOf(all[0]) : "";
  const zone = all.find((z) => keyOf(z) === state.zone);
  const bins = zone ? binsOf(zones.results.filter((row) => keyOf(row) === state.zone)) : [];
  const some = bins.some(isKnown);
  find("zones-nothing").hidden = some;
  find("zones-nothing").textContent = all.length ? gettext("Nothing was observed in this period. Choose another one.")
    : gettext("No zone is drawn. Draw one where people stay, such as a queue or a shelf, to see how many and how long.");
  find("zone-charts").hidden = !some;
  find("zone-list").hidden = !all.length;
  find("zone-list").replaceChildren(zoneList(all, state.zone, { nameOf: zoneName, keyOf, limits, choose: (key) => {
    state.zone = key;
    showZones();
  } }));
  find("zones-table").replaceChildren(some ? zoneTable(bins) : "");
  if (!some) return;
  find("zone-name").textContent = zoneName(zone);
  find("dwell-said").textContent = fill(gettext("%(n)s stays ended; each bar is half as long again as the one before"), { n: number(zone.stays) });
  find("dwell-none").hidden = find("dwell").hidden = false;
  find("dwell").hidden = zone.stays === 0;
  find("dwell-none").hidden = zone.stays >= limits.p90;
  find("dwell-none").textContent = fill(gettext("The median needs %(median)s stays and the 90th percentile %(p90)s: there are %(n)s."), { median: limits.median, p90: limits.p90, n: number(zone.stays) });
  const fine = bins.every((bin) => bin.stays === null || bin.dwell_median_s === null);
  find("dwell-over-box").hidden = fine;
  await Promise.all([
    drawVisits(find("visits"), plotly, bins), drawOccupancy(find("occupancy"), plotly, bins),
    zone.stays ? drawDwell(find("dwell"), plotly, zone, zones.dwell_edges_s) : null,
    fine ? null : drawDwellOver(find("dwell-over"), plotly, bins),
  ]);
}

function say(text, tone = "fail") {
  find("problem").hidden = !text;
  find("problem").className = `notice plain-words ${tone}`;
  find("problem").textContent = text;
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-preset], [data-bin], [data-as-table]");
  if (!button) return;
  if (button.matches("[data-as-table]")) {
    const shown = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(shown));
    find("area-table").hidden = find("zones-table").hidden = !shown;
    return;
  }
  if (button.matches("[data-preset]")) state.preset = button.value;
  if (button.matches("[data-bin]")) state.bin = Number(button.value);
  load();
});
form.addEventListener("change", load);
find("reset").addEventListener("change", load);
form.addEventListener("submit", (event) => event.preventDefault());
addEventListener("themechange", () => area && show());

if (cameras.length > 1) form.elements.camera.append(h("option", { value: "" }, gettext("All cameras")));
form.elements.camera.append(...cameras.map((camera) => h("option", { value: camera.id }, camera.name)));
if (given.get("camera")) form.elements.camera.value = given.get("camera");
const { from: givenFrom, to: givenTo } = periodOf(given);
[form.elements.from.value, form.elements.to.value] = [givenFrom, givenTo];
if (!form.elements.camera.value) form.elements.camera.selectedIndex = 0;
if (/^(\d|1\d|2[0-3])$/.test(given.get("reset") ?? "")) find("reset").value = given.get("reset");
load();
