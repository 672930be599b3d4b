// The histogram of speeds with its V85 and limit, and V85 over time.
import { cssColour } from "./dom.js";
import { number } from "./format.js";
import { fill, gettext } from "./i18n.js";
import { CONFIG, coverageText, gapTrace, layout, loadPlotly, periodText } from "./plot.js";
import { inUnit, speedNumber, speedText, unitWord } from "./speed_units.js";

const middle = (bin) => (bin.start + bin.end) / 2;

/** Axes that only grow while the same query is shown: they do not jump while live. */
export class HistogramAxes {
  constructor() {
    this.key = "";
  }

  fit(key, { low, high, most }) {
    if (key !== this.key) Object.assign(this, { key, low, high, most: most * 1.15 });
    this.low = Math.min(this.low, low);
    this.high = Math.max(this.high, high);
    if (most > this.most) this.most = most * 1.3;
    return this;
  }
}

export async function drawHistogram(box, url, { histogram, summary, axes, key }) {
  const Plotly = await loadPlotly(url);
  const { first_mps, width_mps, counts } = histogram;
  const edge = (k) => inUnit(first_mps + k * width_mps);
  const total = counts.reduce((a, b) => a + b, 0);
  const shown = axes.fit(key, { low: Math.max(0, edge(0) - 5), high: edge(counts.length) + 5, most: Math.max(4, ...counts) });
  const drawn = layout([{ start: 0, end: 1 }], box, { title: gettext("vehicles"), range: [0, shown.most], height: 320 });
  Object.assign(drawn.xaxis, { tickvals: undefined, ticktext: undefined, range: [shown.low, shown.high], title: { text: unitWord(), standoff: 4 }, nticks: 10 });
  const marks = [[summary.limit_mps, gettext("limit"), "--fail", "dash"], [summary.v85_mps, "V85", "--text", "solid"]].filter(([at]) => at !== null);
  drawn.shapes = marks.map(([at, , colour, dash]) => ({ type: "line", x0: inUnit(at), x1: inUnit(at), yref: "paper", y0: 0, y1: 1, line: { color: cssColour(colour), width: 1.5, dash } }));
  if (summary.pace_low_mps !== null) drawn.shapes.unshift({ type: "rect", x0: inUnit(summary.pace_low_mps), x1: inUnit(summary.pace_low_mps + summary.pace_width_mps), yref: "paper", y0: 0, y1: 1, fillcolor: cssColour("--accent"), opacity: 0.1, line: { width: 0 } });
  // Two words at one place would hide each other: the limit stands to the left of its line.
  drawn.annotations = marks.map(([at, word, colour]) => ({ x: inUnit(at), yref: "paper", y: 1, text: word, showarrow: false, xanchor: word === "V85" ? "left" : "right", yanchor: "top", xshift: word === "V85" ? 4 : -4, font: { color: cssColour(colour), size: 12 } }));
  await Plotly.react(box, [{
    type: "bar", x: counts.map((_n, k) => edge(k)), y: counts, width: counts.map(() => inUnit(width_mps) * 0.92), offset: inUnit(width_mps) * 0.04,
    marker: { color: cssColour("--accent"), line: { width: 0 } },
    customdata: counts.map((n, k) => [number(n), `${speedNumber(first_mps + k * width_mps)}–${speedText(first_mps + (k + 1) * width_mps, 1)}`, total ? Math.round((100 * n) / total) : 0]),
    hovertemplate: `<b>%{customdata[0]} ${gettext("vehicles")}</b><br>%{customdata[1]}<br>${fill(gettext("%(share)s of %(n)s"), { share: "%{customdata[2]} %", n: number(total) })}<extra></extra>`,
  }], drawn, CONFIG);
}

export async function drawOverTime(box, url, bins) {
  const Plotly = await loadPlotly(url);
  const known = bins.filter((bin) => bin.v85_mps !== null);
  const speeds = known.flatMap((bin) => [inUnit(bin.v85_mps), inUnit(bin.v50_mps)]);
  const range = speeds.length ? [Math.max(0, Math.min(...speeds) * 0.8), Math.max(...speeds) * 1.12] : [0, 100];
  const line = (key, name, colour, dash) => ({
    type: "scatter", mode: known.length > 120 ? "lines" : "lines+markers", connectgaps: false, name,
    line: { color: cssColour(colour), width: 2, dash },
    marker: { size: 6, color: bins.map((bin) => cssColour(bin.soundness === "few" ? "--surface" : colour)), line: { color: cssColour(colour), width: 1.5 } },
    x: bins.map(middle), y: bins.map((bin) => (bin[key] === null ? null : inUnit(bin[key]))),
    customdata: bins.map((bin) => [speedText(bin[key], 1), number(bin.count), periodText(bin), coverageText(bin)]),
    hovertemplate: `<b>${name} %{customdata[0]}</b><br>${fill(gettext("of %(n)s vehicles"), { n: "%{customdata[1]}" })}<br>%{customdata[2]}<br>%{customdata[3]}<extra></extra>`,
  });
  await Plotly.react(box, [gapTrace(bins), line("v50_mps", "V50", "--line-strong", "dot"), line("v85_mps", "V85", "--accent", "solid")],
    layout(bins, box, { title: unitWord(), range, height: 300 }), CONFIG);
}
