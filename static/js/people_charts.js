// Footfall and occupancy of an area; visits, occupancy and dwell of a zone.
import { cssColour } from "./dom.js";
import { dayMinute, decimal, number } from "./format.js";
import { fill, gettext, ngettext } from "./i18n.js";
import { stayText } from "./people_bins.js";
import { bars, drawOverTime, steps } from "./people_plot.js";
import { CONFIG, loadPlotly } from "./plot.js";

const person = () => cssColour("--class-person");
const persons = (n) => fill(ngettext("%(n)s person", "%(n)s persons", n), { n: number(n) });

function mirrored(peak) {
  const rough = peak / 3, power = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(1, [1, 2, 5, 10].find((m) => m * power >= rough) * power);
  const vals = [];
  for (let v = -Math.floor(peak / step) * step; v <= peak; v += step) vals.push(v);
  return { tickvals: vals, ticktext: vals.map((v) => number(Math.abs(v))) };
}

/** Who came stands above the axis, who left below it. */
export function drawFootfall(box, url, bins) {
  const peak = Math.max(4, ...bins.map((bin) => Math.max(bin.entries ?? 0, bin.exits ?? 0))) * 1.08;
  const came = bars(bins, { value: (b) => b.entries, colour: person(), words: (b) => fill(gettext("%(n)s came in"), { n: number(b.entries) }) });
  const left = bars(bins, { value: (b) => b.exits, colour: person(), sign: -1, words: (b) => fill(gettext("%(n)s left"), { n: number(b.exits) }) });
  return drawOverTime(box, url, bins, [came, left], {
    title: `${gettext("↓ left")}      ${gettext("persons")}      ${gettext("came in ↑")}`,
    range: [-peak, peak], height: 340, axis: mirrored(peak), zero: (b) => (b.entries ?? 0) + (b.exits ?? 0),
  });
}

const MOST_DIAMONDS = 62; // two months; more would hide the count

/** `drifts`: [{at, off_by}]; each is a diamond where the count stood when it was set back. */
export function drawInside(box, url, bins, all) {
  const drifts = all.length > MOST_DIAMONDS ? [] : all;
  const levels = bins.flatMap((bin) => [bin.inside_most ?? 0, bin.inside_mean ?? 0]).concat(drifts.map((d) => d.off_by));
  const least = Math.min(0, ...levels), most = Math.max(4, ...levels);
  const words = (value, name) => (b) => `${persons(value(b))}, ${name}${b.inside_doubtful ? `<br>${gettext("may be off: not all of it was observed")}` : ""}`;
  const mean = (b) => b.inside_mean, top = (b) => b.inside_most;
  const marks = {
    type: "scatter", mode: "markers", x: drifts.map((d) => Date.parse(d.at)), y: drifts.map((d) => d.off_by),
    marker: { symbol: "diamond-open", size: drifts.length > 31 ? 6 : 9, color: cssColour("--warn"), line: { width: 2 } },
    customdata: drifts.map((d) => [driftWords(d), dayMinute(Date.parse(d.at))]), hovertemplate: "<b>%{customdata[0]}</b><br>%{customdata[1]}<extra></extra>",
  };
  const averaged = (b) => `${decimal(b.inside_mean, b.inside_mean < 1 ? 2 : 1)} ${gettext("persons")}, ${gettext("mean")}${b.inside_doubtful ? `<br>${gettext("may be off: not all of it was observed")}` : ""}`;
  return drawOverTime(box, url, bins, [
    steps(bins, { value: top, colour: cssColour("--line-strong"), dash: "dot", words: words(top, gettext("most at once")) }),
    steps(bins, { value: mean, colour: person(), words: averaged }), marks,
  ], { title: gettext("persons inside"), range: [least * 1.08, most * 1.08], height: 240 });
}

export function driftWords({ off_by: off }) {
  if (off === 0) return gettext("Set back to nobody; the count was right");
  return off > 0 ? fill(ngettext("Set back to nobody; %(n)s too many", "Set back to nobody; %(n)s too many", off), { n: number(off) })
    : fill(ngettext("Set back to nobody; %(n)s too few", "Set back to nobody; %(n)s too few", -off), { n: number(-off) });
}

export function drawVisits(box, url, bins) {
  const peak = Math.max(4, ...bins.map((bin) => bin.visits ?? 0)) * 1.08;
  const trace = bars(bins, { value: (b) => b.visits, colour: person(), words: (b) => fill(ngettext("%(n)s visit", "%(n)s visits", b.visits), { n: number(b.visits) }) });
  return drawOverTime(box, url, bins, [trace], { title: gettext("visits"), range: [0, peak], height: 240, zero: (b) => b.visits });
}

export function drawOccupancy(box, url, bins) {
  const peak = Math.max(4, ...bins.map((bin) => bin.most ?? 0)) * 1.08;
  return drawOverTime(box, url, bins, [
    steps(bins, { value: (b) => b.most, colour: cssColour("--line-strong"), dash: "dot", words: (b) => `${persons(b.most)}, ${gettext("most at once")}` }),
    steps(bins, { value: (b) => b.mean, colour: person(), words: (b) => `${decimal(b.mean, b.mean < 1 ? 2 : 1)} ${gettext("persons")}, ${gettext("mean")}` }),
  ], { title: gettext("persons"), range: [0, peak], height: 240 });
}

/** Median and 90th percentile of the stays that ended in each bin; a bin with too few has none. */
export function drawDwellOver(box, url, bins) {
  const peak = Math.max(10, ...bins.map((bin) => bin.dwell_p90_s ?? bin.dwell_median_s ?? 0));
  const unit = peak > 7200 ? 3600 : peak > 120 ? 60 : 1;
  const stated = (key, name) => (b) => `${stayText(b[key])}, ${name}<br>${fill(ngettext("of %(n)s stay", "of %(n)s stays", b.stays), { n: number(b.stays) })}`;
  const in_ = (key) => (b) => (b[key] === null ? null : b[key] / unit);
  return drawOverTime(box, url, bins, [
    steps(bins, { value: in_("dwell_p90_s"), colour: cssColour("--line-strong"), dash: "dot", words: stated("dwell_p90_s", gettext("90th percentile")) }),
    steps(bins, { value: in_("dwell_median_s"), colour: person(), words: stated("dwell_median_s", gettext("median")) }),
  ], { title: { 1: gettext("seconds"), 60: gettext("minutes"), 3600: gettext("hours") }[unit], range: [0, (peak / unit) * 1.08], height: 240 });
}

const JOINED = 3; // bins of 15 % are too fine to look at
const TICKS_S = [1, 3, 10, 30, 60, 180, 600, 1800, 3600, 10800, 36000, 86400];

/** Stays by length on a scale on which each bar is half as long again as the one before. */
export async function drawDwell(box, url, zone, edges) {
  const Plotly = await loadPlotly(url);
  const place = (s) => (s < 1 ? s : 1 + Math.log(s) / Math.log(edges[2] / edges[1]));
  const joined = [];
  for (let k = 0; k < zone.dwell_histogram.length; k += JOINED) {
    const to = Math.min(k + JOINED, zone.dwell_histogram.length);
    joined.push({ from: edges[k], to: edges[to], at: k, wide: to - k, n: zone.dwell_histogram.slice(k, to).reduce((a, b) => a + b, 0) });
  }
  const filled = joined.filter((bar) => bar.n);
  const low = Math.max(0, filled[0].at - JOINED), high = filled[filled.length - 1].at + 2 * JOINED;
  const text = cssColour("--muted"), strong = cssColour("--text");
  const lines = [["dwell_median_s", gettext("median"), "solid"], ["dwell_p90_s", gettext("90 %"), "dot"]].filter(([key]) => zone[key] !== null);
  const most = Math.max(4, ...filled.map((bar) => bar.n));
  const ticks = TICKS_S.filter((s) => place(s) >= low && place(s) <= high);
  const every = Math.ceil(ticks.length / Math.max(3, Math.floor(box.clientWidth / 64)));
  const shown = ticks.filter((_s, i) => i % every === 0);
  // The label of the higher one stands above the other where there is no room beside its line.
  const late = (s) => (1 - (place(s) - low) / (high - low)) * (box.clientWidth - 68) < 120;
  await Plotly.react(box, [{
    type: "bar", x: filled.map((b) => b.at), y: filled.map((b) => b.n), width: filled.map((b) => b.wide * 0.9), offset: filled.map((b) => b.wide * 0.05),
    marker: { color: person(), line: { width: 0 } }, customdata: filled.map((b) => [number(b.n), stayText(b.from), stayText(b.to)]),
    hovertemplate: `<b>%{customdata[0]} ${gettext("stays")}</b><br>%{customdata[1]} – %{customdata[2]}<extra></extra>`,
  }], {
    height: 240, margin: { l: 56, r: 12, t: 38, b: 32 }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", dragmode: false, showlegend: false,
    font: { family: "Plex, system-ui, sans-serif", size: 12, color: text },
    hoverlabel: { bgcolor: cssColour("--surface"), bordercolor: cssColour("--line-strong"), font: { color: strong, size: 13 }, align: "left" },
    xaxis: { range: [low, high], tickvals: shown.map(place), ticktext: shown.map(stayShort), fixedrange: true, showgrid: false, zeroline: false, tickangle: 0 },
    yaxis: { title: { text: gettext("stays"), standoff: 8 }, range: [0, most * 1.12], automargin: true, fixedrange: true, gridcolor: cssColour("--line"), zerolinecolor: cssColour("--line-strong"), tickformat: ",d", nticks: 6 },
    shapes: lines.map(([key, , dash]) => ({ type: "line", x0: place(zone[key]), x1: place(zone[key]), yref: "paper", y0: 0, y1: 1, line: { color: strong, width: 1.5, dash } })),
    annotations: lines.map(([key, name], i) => ({ x: place(zone[key]), yref: "paper", y: 1, yanchor: "bottom", xanchor: i && !late(zone[key]) ? "left" : "right", yshift: i && late(zone[key]) ? 15 : 0, showarrow: false, text: `${name} ${stayText(zone[key])}`, font: { color: strong, size: 12 } })),
  }, CONFIG);
}

const stayShort = (s) =>
  s < 60 ? fill(gettext("%(n)s s"), { n: s }) : s < 3600 ? fill(gettext("%(n)s min"), { n: s / 60 }) : fill(gettext("%(n)s h"), { n: s / 3600 });
