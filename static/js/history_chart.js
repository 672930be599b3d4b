// Counts over time: forward up, backward down, stacked by class in its fixed colour.
import { classColour, className, inOrder } from "./classes.js";
import { number } from "./format.js";
import { gettext } from "./i18n.js";
import { barOpacity, CONFIG, coverageText, gapTrace, layout, loadPlotly, periodText } from "./plot.js";
import { classesIn, isGap } from "./count_bins.js";
import { sum } from "./totals.js";

const WORDS = { forward: () => gettext("forward"), backward: () => gettext("backward") };

export async function drawCounts(box, url, bins) {
  const Plotly = await loadPlotly(url);
  const most = Math.max(4, ...bins.map((bin) => Math.max(sum(bin.forward), sum(bin.backward))));
  const peak = most * 1.08;
  const traces = inOrder(classesIn(bins)).flatMap((name) => ["forward", "backward"].map((direction) => trace(bins, name, direction)));
  const drawn = layout(bins, box, { title: `${gettext("↓ backward")}      ${gettext("crossings")}      ${gettext("forward ↑")}`, range: [-peak, peak] });
  // Below the axis stand counts too, not negative numbers.
  const step = niceStep(peak), top = peak * 0.95; // a tick at the very end would run into the hours
  const vals = [];
  for (let v = -Math.floor(top / step) * step; v <= top; v += step) vals.push(v);
  Object.assign(drawn.yaxis, { tickvals: vals, ticktext: vals.map((v) => number(Math.abs(v))) });
  await Plotly.react(box, [gapTrace(bins), ...traces], drawn, CONFIG);
}

function trace(bins, name, direction) {
  const sign = direction === "forward" ? 1 : -1;
  const seen = bins.filter((bin) => bin[direction] && (!isGap(bin) || sum(bin[direction])));
  const colour = classColour(name);
  return {
    type: "bar", name: `${className(name)} ${WORDS[direction]()}`,
    x: seen.map((bin) => bin.start), y: seen.map((bin) => sign * (bin[direction][name] ?? 0)),
    width: seen.map((bin) => (bin.end - bin.start) * 0.86), offset: seen.map((bin) => (bin.end - bin.start) * 0.07),
    marker: { color: colour, opacity: barOpacity(seen), line: { width: 0 } },
    customdata: seen.map((bin) => [number(bin[direction][name] ?? 0), periodText(bin), coverageText(bin), number(sum(bin[direction]))]),
    hovertemplate: `<b>%{customdata[0]} × ${className(name)}</b> ${WORDS[direction]()}<br>${gettext("of")} %{customdata[3]} ${gettext("crossings")}<br>%{customdata[1]}<br>%{customdata[2]}<extra></extra>`,
  };
}

export function niceStep(peak) {
  const rough = peak / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  return Math.max(1, [1, 2, 5, 10].find((m) => m * power >= rough) * power);
}
