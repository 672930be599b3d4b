// What the charts of people share: bars and levels that stop at gaps, and a mark on the axis where nobody came.
import { cssColour } from "./dom.js";
import { gettext } from "./i18n.js";
import { isKnown } from "./people_bins.js";
import { barOpacity, CONFIG, coverageText, gapTrace, layout, loadPlotly, periodText } from "./plot.js";

/** A short stroke on the axis where somebody watched and nobody came. */
function zeroTrace(bins, box, values) {
  const zeros = bins.filter((bin) => isKnown(bin) && values(bin) === 0);
  const size = Math.max(3, Math.min(14, (box.clientWidth / bins.length) * 0.5));
  return {
    type: "scatter", mode: "markers", x: zeros.map((b) => (b.start + b.end) / 2), y: zeros.map(() => 0),
    marker: { symbol: "line-ew-open", size, color: cssColour("--muted"), line: { width: 2, color: cssColour("--muted") } },
    customdata: zeros.map((b) => [periodText(b), coverageText(b)]), hovertemplate: `<b>${gettext("nobody")}</b><br>%{customdata[0]}<br>%{customdata[1]}<extra></extra>`,
  };
}

/** Bars of `value(bin)`; those of bins that were observed in part are paler. */
export function bars(bins, { value, colour, words, sign = 1 }) {
  const seen = bins.filter((bin) => isKnown(bin) && value(bin));
  return {
    type: "bar", x: seen.map((b) => b.start), y: seen.map((b) => sign * value(b)),
    width: seen.map((b) => (b.end - b.start) * 0.84), offset: seen.map((b) => (b.end - b.start) * 0.08),
    marker: { color: colour, opacity: barOpacity(seen), line: { width: 0 } },
    customdata: seen.map((b) => [words(b), periodText(b), coverageText(b)]),
    hovertemplate: "<b>%{customdata[0]}</b><br>%{customdata[1]}<br>%{customdata[2]}<extra></extra>",
  };
}

/** A line of levels that breaks where nothing was observed. */
export function steps(bins, { value, colour, dash = "solid", words }) {
  // The last bin lasts until its end: a step needs a point there.
  const last = bins[bins.length - 1];
  const points = [...bins, { ...last, start: last.end, shown: last }];
  return {
    type: "scatter", mode: "lines", connectgaps: false, line: { shape: "hv", color: colour, width: 2, dash },
    x: points.map((b) => b.start), y: points.map((b) => (isKnown(b) ? value(b) : null)),
    customdata: points.map((b) => [value(b) === null ? "" : words(b), periodText(b.shown ?? b), coverageText(b.shown ?? b)]),
    hovertemplate: "<b>%{customdata[0]}</b><br>%{customdata[1]}<br>%{customdata[2]}<extra></extra>",
  };
}

export async function drawOverTime(box, url, bins, traces, { title, range, height, zero = null, axis = {} }) {
  const Plotly = await loadPlotly(url);
  const drawn = layout(bins, box, { title, range, height });
  Object.assign(drawn.yaxis, axis);
  drawn.yaxis.automargin = true;
  drawn.xaxis.ticklabelstandoff = 6; // the first time and the 0 of the axis would touch
  const zeros = zero ? [zeroTrace(bins, box, zero)] : [];
  await Plotly.react(box, [gapTrace(bins), ...traces, ...zeros], drawn, CONFIG);
}
