// People in zones over time: visits as bars, occupancy as a line that breaks at gaps.
import { cssColour } from "./dom.js";
import { decimal, number } from "./format.js";
import { gettext } from "./i18n.js";
import { CONFIG, coverageText, gapTrace, layout, loadPlotly, periodText } from "./plot.js";

export async function drawVisits(box, url, bins) {
  const Plotly = await loadPlotly(url);
  const seen = bins.filter((bin) => bin.visits !== null);
  const peak = Math.max(4, ...seen.map((bin) => bin.visits)) * 1.08;
  await Plotly.react(box, [gapTrace(bins), {
    type: "bar", x: seen.map((b) => b.start), y: seen.map((b) => b.visits), width: seen.map((b) => (b.end - b.start) * 0.86),
    offset: seen.map((b) => (b.end - b.start) * 0.07), marker: { color: cssColour("--class-person") },
    customdata: seen.map((b) => [number(b.visits), periodText(b), coverageText(b)]),
    hovertemplate: `<b>%{customdata[0]} ${gettext("visits")}</b><br>%{customdata[1]}<br>%{customdata[2]}<extra></extra>`,
  }], layout(bins, box, { title: gettext("visits"), range: [0, peak], height: 300 }), CONFIG);
}

export async function drawOccupancy(box, url, bins) {
  const Plotly = await loadPlotly(url);
  const peak = Math.max(4, ...bins.map((bin) => bin.most ?? 0)) * 1.08;
  // The last bin lasts until its end: a step needs a point there.
  const last = bins[bins.length - 1];
  const points = [...bins, { ...last, start: last.end }];
  const line = (key, name, colour, dash) => ({
    type: "scatter", mode: "lines", connectgaps: false, line: { shape: "hv", color: colour, width: 2, dash },
    x: points.map((b) => b.start), y: points.map((b) => b[key]),
    customdata: points.map((b) => [b[key] === null ? "" : decimal(b[key]), periodText(b), coverageText(b)]),
    hovertemplate: `<b>%{customdata[0]} ${gettext("persons")}</b>, ${name}<br>%{customdata[1]}<br>%{customdata[2]}<extra></extra>`,
  });
  await Plotly.react(box, [gapTrace(bins), line("most", gettext("most at once"), cssColour("--line-strong"), "dot"), line("mean", gettext("mean"), cssColour("--class-person"), "solid")],
    layout(bins, box, { title: gettext("persons inside"), range: [0, peak], height: 260 }), CONFIG);
}
