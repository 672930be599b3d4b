// Speeds: histogram, figures and V85 over time; today's rise with the readings that come over the websocket.
import { api, apiUrl } from "./api.js";
import { serverNow } from "./clock.js";
import { binsOf } from "./count_bins.js";
import { h } from "./dom.js";
import { decimal, number } from "./format.js";
import { fill, gettext, ngettext } from "./i18n.js";
import { LiveSocket } from "./live_socket.js";
import { drawHistogram, drawOverTime, HistogramAxes } from "./speed_charts.js";
import { coarser, withReading } from "./speed_statistics.js";
import { histogramTable, speedTable } from "./speed_table.js";
import { inUnit, speedText, unitWord } from "./speed_units.js";
import { Filters, nothingToCount, showEmpty } from "./traffic_filters.js";
import { figures, Panel } from "./traffic_panel.js";

const FINE_FROM = 500; // with fewer vehicles, single bins are noise
const REDRAW_MS = 1000;
const RELOAD_MS = 60_000; // pace, share over the limit and V85 over time are the gateway's to reckon
const root = document.querySelector("[data-plotly]");
const axes = new HistogramAxes();
let shown = null; // {query, summary, bins, until}
let redraw = null;
let risen = 0; // readings since the gateway was asked

async function load(query, signal) {
  risen = 0;
  const answer = await api(`statistics/speeds/?${query}`, { signal });
  const bins = binsOf(answer.results);
  shown = { query, summary: answer.summary, bins, until: answer.results.length ? Date.parse(answer.results.at(-1).end) : 0 };
  watch();
  await show();
}

function emptyWords({ summary, bins }) {
  if (summary.count) return null;
  const { camera } = filters;
  const nothing = nothingToCount(camera, bins.some((bin) => bin.observed > 0));
  if (nothing && !camera?.lines.length) return nothing;
  if (camera && !camera.calibrated) {
    return { title: gettext("No speeds without a calibration"), text: fill(gettext("Calibrate %(camera)s: mark what you know of its road, and the speed of every vehicle is measured from then on."), { camera: camera.name }), link: camera.calibration_url, action: gettext("Calibrate") };
  }
  if (nothing) return nothing;
  if (filters.value("class") || filters.value("line") || filters.value("direction") || shown.query.has("free_flow")) {
    return { title: gettext("No speed was measured for this choice"), text: fill(ngettext("%(n)s vehicle passed. Choose all classes, lines and directions, or a longer period.", "%(n)s vehicles passed. Choose all classes, lines and directions, or a longer period.", summary.counted), { n: number(summary.counted) }) };
  }
  return { title: gettext("No speed was measured in this period"), text: fill(ngettext("%(n)s vehicle passed. Speeds need a vehicle to be seen three times near the line; check that it lies within the calibrated part of the road.", "%(n)s vehicles passed. Speeds need a vehicle to be seen three times near the line; check that it lies within the calibrated part of the road.", summary.counted), { n: number(summary.counted) }) };
}

async function show() {
  const { query, summary, bins } = shown;
  const empty = emptyWords(shown);
  showEmpty(empty);
  if (empty) return;
  const histogram = summary.count < FINE_FROM ? coarser(summary.histogram, 2) : summary.histogram;
  const csv = new URLSearchParams(query);
  csv.set("format", "csv");
  warn(summary);
  histogramPanel.find("figures").replaceChildren(...figures(figuresOf(summary)));
  const key = `${query}${histogram.width_mps}`;
  await Promise.all([
    histogramPanel.show({
      draw: (box) => drawHistogram(box, root.dataset.plotly, { histogram, summary, axes, key }),
      table: () => histogramTable(histogram),
      note: fill(gettext("n = %(n)s, bins of %(width)s"), { n: number(summary.count), width: `${decimal(inUnit(histogram.width_mps))} ${unitWord()}` }),
      summary: headline(summary),
    }),
    timePanel.show({
      draw: (box) => drawOverTime(box, root.dataset.plotly, bins),
      table: () => speedTable(bins),
      csv: `${apiUrl("statistics/speeds/")}?${csv}`,
      note: fill(gettext("%(unit)s; dotted V50; hollow: fewer than 100 vehicles; none below 30"), { unit: unitWord() }),
    }),
  ]);
}

function headline(summary) {
  const measured = summary.counted ? Math.round((100 * summary.count) / summary.counted) : null;
  const sure = summary.v85_mps !== null;
  return [
    h("p", { class: "lead" }, h("b", { class: "figure numbers" }, sure ? number(Math.round(inUnit(summary.v85_mps))) : "–"), ` ${unitWord()}, ${gettext("V85")}`),
    h("p", {}, h("b", {}, number(summary.count)), ngettext("vehicle measured", "vehicles measured", summary.count)),
    measured === null || shown.query.has("free_flow") ? null : h("p", { class: "quiet" }, fill(gettext("%(share)s of the %(n)s that passed"), { share: `${Math.min(100, measured)} %`, n: number(Math.max(summary.counted, summary.count)) })),
  ].filter(Boolean);
}

function figuresOf(s) {
  const n = `n = ${number(s.count)}`;
  const pace = s.pace_low_mps === null ? "–" : `${Math.round(inUnit(s.pace_low_mps))}–${Math.round(inUnit(s.pace_low_mps + s.pace_width_mps))} ${unitWord()}`;
  return [
    { term: gettext("Time mean"), value: speedText(s.time_mean_mps, 1), note: n },
    { term: gettext("Space mean"), value: speedText(s.space_mean_mps, 1), note: n },
    { term: "V15", value: speedText(s.v15_mps, 1), note: n },
    { term: "V50", value: speedText(s.v50_mps, 1), note: n },
    { term: "V85", value: speedText(s.v85_mps, 1), note: n },
    { term: gettext("Pace"), value: pace, note: s.pace_percent === null ? n : fill(gettext("%(share)s of %(n)s"), { share: `${Math.round(s.pace_percent)} %`, n: number(s.count) }) },
    { term: s.limit_mps === null ? gettext("Over the limit") : fill(gettext("Over %(limit)s"), { limit: speedText(s.limit_mps) }), value: s.over_limit_percent === null ? "–" : `${decimal(s.over_limit_percent)} %`,
      note: s.limited ? `n = ${number(s.limited)}` : gettext("no limit is stated for this line") },
  ];
}

function warn(summary) {
  const words = [];
  if (summary.soundness === "refused") words.push(fill(gettext("Only %(n)s vehicles: percentiles and means need 30."), { n: number(summary.count) }));
  if (summary.soundness === "few") words.push(fill(gettext("Only %(n)s vehicles: below 100, percentiles are rough."), { n: number(summary.count) }));
  if (summary.doubtful) words.push(fill(gettext("%(n)s of the speeds are doubtful: they were measured while the camera seemed to have moved."), { n: number(summary.doubtful) }));
  const box = histogramPanel.find("warning");
  box.hidden = !words.length;
  box.textContent = words.join(" ");
}

const isLive = () => Boolean(filters.camera) && shown !== null && shown.until > serverNow() && !shown.query.has("free_flow");

/** Readings of the chosen camera raise what is shown, while the period reaches to now. */
function watch() {
  const live = isLive();
  socket.watch(live ? [filters.camera.id] : [], []);
  const badge = histogramPanel.find("live");
  badge.hidden = !live;
  badge.dataset.state = "live";
}

function reading({ detail }) {
  if (!isLive() || detail.camera !== filters.camera.id) return;
  for (const name of ["line", "class", "direction"]) if (filters.value(name) && filters.value(name) !== detail[name]) return;
  if (!(detail.speed_mps > 0)) return;
  shown.summary = withReading(shown.summary, detail.speed_mps);
  if (detail.doubtful) shown.summary.doubtful += 1;
  shown.summary.counted = Math.max(shown.summary.counted, shown.summary.count);
  risen += 1;
  redraw ??= setTimeout(() => {
    redraw = null;
    show();
  }, REDRAW_MS);
}

let histogramPanel, timePanel, filters, socket;
if (root) {
  histogramPanel = new Panel("histogram");
  timePanel = new Panel("over-time");
  socket = new LiveSocket();
  socket.addEventListener("speed", reading);
  filters = new Filters(load);
  filters.load();
  setInterval(() => {
    if (risen && isLive() && filters.isShort) filters.load();
  }, RELOAD_MS);
}
