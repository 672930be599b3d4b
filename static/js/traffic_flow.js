// Flow: veh/h over time, peak hour, car units, classes, lengths, lines, headways.
import { api, apiUrl } from "./api.js";
import { binsOf, isGap } from "./count_bins.js";
import { h } from "./dom.js";
import { dateText, decimal, minuteTime, number } from "./format.js";
import { fill, gettext } from "./i18n.js";
import { drawFlow, drawHeadways, drawPeaks } from "./traffic_flow_charts.js";
import { classTable, flowTable, headwayTable, lengthTable, lineTable, peakTable } from "./traffic_flow_tables.js";
import { Filters, nothingToCount, showEmpty } from "./traffic_filters.js";
import { figures, observedWords, Panel } from "./traffic_panel.js";

const root = document.querySelector("[data-plotly]");

async function load(query, signal) {
  const asked = new URLSearchParams(query);
  asked.set("detail", "true");
  const answer = await api(`statistics/flow/?${asked}`, { signal });
  const bins = binsOf(answer.results);
  const some = bins.some((bin) => !isGap(bin));
  showEmpty(nothingToCount(filters.camera, some));
  if (!some) return;
  const csv = new URLSearchParams(query);
  csv.set("format", "csv");
  panels.flow.find("figures").replaceChildren(...figures(figuresOf(answer)));
  await Promise.all([
    panels.flow.show({
      draw: (box) => drawFlow(box, root.dataset.plotly, bins), table: () => flowTable(bins), csv: `${apiUrl("statistics/flow/")}?${csv}`,
      note: gettext("vehicles an hour of the time observed"), summary: summary(answer, bins),
    }),
    showLines(answer),
    panels.classes.show({ table: () => classTable(answer), note: fill(gettext("of %(n)s"), { n: number(answer.totals.count) }) }),
    showLengths(answer.lengths),
    showHeadways(answer.headways),
    showPeaks(answer.peaks),
  ]);
}

function summary({ totals }, bins) {
  const hours = bins.reduce((n, bin) => n + bin.observed, 0) / 3600;
  return [
    h("p", { class: "lead" }, h("b", { class: "figure numbers" }, number(Math.round(totals.count / hours))), ` ${gettext("vehicles an hour on average")}`),
    h("p", {}, h("b", {}, number(totals.count)), gettext("vehicles in this period")),
    observedWords(bins),
  ];
}

function figuresOf({ totals, peaks }) {
  const peak = peaks?.peak;
  const share = (n) => (totals.count ? `${decimal((100 * n) / totals.count)} %` : "–");
  const quarters = peaks ? fill(gettext("%(complete)s of %(all)s quarters complete"), { complete: number(peaks.complete), all: number(peaks.quarters) }) : "";
  const none = peaks ? gettext("no hour was observed completely") : gettext("choose fewer cameras or a shorter period");
  return [
    { term: gettext("Peak hour"), value: peak ? number(peak.volume) : "–", note: peak ? `${dateText(Date.parse(peak.start))}, ${minuteTime(Date.parse(peak.start))}–${minuteTime(Date.parse(peak.end))}` : none },
    { term: gettext("Peak-hour factor"), value: peak?.factor ? decimal(peak.factor, 2) : "–", note: quarters },
    { term: gettext("Car units"), value: number(Math.round(totals.car_units)), note: gettext("by the site's table") },
    { term: gettext("Small (小型)"), value: share(totals.small), note: number(totals.small) },
    { term: gettext("Large (大型)"), value: share(totals.large), note: number(totals.large) },
    { term: gettext("Wrong way"), value: totals.wrong_way === null ? "–" : number(totals.wrong_way), note: totals.wrong_way === null ? gettext("in bins below 15 min, told for a day at most") : gettext("against the one-way direction") },
  ];
}

function showLines({ lines }) {
  const names = Object.fromEntries((filters.camera?.lines ?? []).map((line) => [line.id, line.name]));
  return panels.lines.show({ table: () => lineTable(lines, names), note: gettext("density and mean need 30 speeds") });
}

function showLengths(lengths) {
  const words = (text) => panels.lengths.show({ note: "", summary: [h("p", {}, text)] });
  if (!lengths) return words(gettext("Lengths come from single crossings, which are read for a day at most. Choose a day to see them."));
  if (!lengths.count) return words(gettext("No length was measured in this period: it takes a calibrated road, seen from above and at an angle."));
  return panels.lengths.show({
    table: () => lengthTable(lengths), note: fill(gettext("of %(n)s measured"), { n: number(lengths.count) }),
    summary: lengths.soundness === "refused" ? [h("p", {}, gettext("Shares need 30 vehicles."))] : [],
  });
}

function showHeadways(headways) {
  if (!headways) {
    return panels.headways.show({ note: "", summary: [h("p", {}, gettext("Headways come from single crossings, which are read for a day at most. Choose a day to see them."))] });
  }
  if (!headways.count) return panels.headways.show({ note: "", summary: [h("p", {}, gettext("No headway is known in this period: it takes two vehicles at one line in one direction."))] });
  const seconds = (value) => (value === null ? "–" : `${decimal(value)} s`);
  return panels.headways.show({
    draw: (box) => drawHeadways(box, root.dataset.plotly, headways), table: () => headwayTable(headways),
    note: fill(gettext("n = %(n)s, bins of %(width)s; %(longer)s are longer"), { n: number(headways.count), width: `${decimal(headways.width_s)} s`, longer: number(headways.counts.at(-1)) }),
    summary: headways.soundness === "refused"
      ? [h("p", {}, gettext("Median and shares need 30 headways."))]
      : [h("p", {}, gettext("median"), h("b", {}, seconds(headways.median_s))), h("p", {}, gettext("mean"), h("b", {}, seconds(headways.mean_s))),
        h("p", {}, fill(gettext("nearer than %(s)s"), { s: `${headways.close_s} s` }), h("b", {}, `${decimal(headways.close_percent)} %`)),
        h("p", {}, gettext("median gap"), h("b", {}, seconds(headways.gap_median_s)), h("span", { class: "quiet" }, `n = ${number(headways.gaps)}`))],
  });
}

function showPeaks(peaks) {
  if (filters.isShort || !peaks?.days.length) return panels.peaks.hide();
  return panels.peaks.show({
    draw: (box) => drawPeaks(box, root.dataset.plotly, peaks.days), table: () => peakTable(peaks.days),
    note: gettext("best four quarters in a row, of days with such"),
  });
}

let panels, filters;
if (root) {
  panels = Object.fromEntries(["flow", "lines", "classes", "lengths", "headways", "peaks"].map((name) => [name, new Panel(name)]));
  filters = new Filters(load);
  filters.load();
}
