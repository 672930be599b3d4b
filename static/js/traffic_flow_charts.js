// Charts of the flow page.
import { cssColour } from "./dom.js";
import { dateText, decimal, minuteTime, number } from "./format.js";
import { gettext } from "./i18n.js";
import { isGap } from "./count_bins.js";
import { niceStep } from "./history_chart.js";
import { barOpacity, CONFIG, coverageText, gapTrace, layout, loadPlotly, periodText } from "./plot.js";
import { sum } from "./totals.js";

/** Flow of one direction in vehicles an hour: its share of the bin's flow. */
export const directionFlow = (bin, direction) => (bin.count ? (bin.flow_per_h * sum(bin[direction])) / bin.count : 0);

export async function drawFlow(box, url, bins) {
  const Plotly = await loadPlotly(url);
  const seen = bins.filter((bin) => !isGap(bin) && bin.flow_per_h !== null);
  const peak = Math.max(10, ...seen.flatMap((bin) => [directionFlow(bin, "forward"), directionFlow(bin, "backward")])) * 1.08;
  const bars = (direction, sign, word, colour) => ({
    type: "bar", name: word, x: seen.map((b) => b.start), y: seen.map((b) => sign * directionFlow(b, direction)),
    width: seen.map((b) => (b.end - b.start) * 0.86), offset: seen.map((b) => (b.end - b.start) * 0.07),
    marker: { color: colour, opacity: barOpacity(seen), line: { width: 0 } },
    customdata: seen.map((b) => [number(Math.round(directionFlow(b, direction))), number(Math.round(b.flow_per_h)), decimal(b.car_units), periodText(b), coverageText(b)]),
    hovertemplate: `<b>%{customdata[0]} ${gettext("vehicles an hour")}</b> ${word}<br>${gettext("of")} %{customdata[1]}; ${gettext("car units")}: %{customdata[2]}<br>%{customdata[3]}<br>%{customdata[4]}<extra></extra>`,
  });
  const drawn = layout(bins, box, { title: `${gettext("↓ backward")}   ${gettext("veh/h")}   ${gettext("forward ↑")}`, range: [-peak, peak], height: 340 });
  const step = niceStep(peak), top = peak * 0.95; // a tick at the very end would run into the hours
  const vals = [];
  for (let v = -Math.floor(top / step) * step; v <= top; v += step) vals.push(v);
  Object.assign(drawn.yaxis, { tickvals: vals, ticktext: vals.map((v) => number(Math.abs(v))) });
  const accent = cssColour("--accent");
  await Plotly.react(box, [gapTrace(bins), bars("forward", 1, gettext("forward"), accent), bars("backward", -1, gettext("backward"), accent)], drawn, CONFIG);
}

/** A chart on an axis that is no time. */
function plain(box, { title, range, height, xaxis }) {
  const drawn = layout([{ start: 0, end: 1 }], box, { title, range, height });
  drawn.xaxis = { ...drawn.xaxis, tickvals: undefined, ticktext: undefined, ...xaxis };
  return drawn;
}

/** All but the last bin, which holds whatever is longer and would dwarf the others. */
export async function drawHeadways(box, url, { counts, width_s }) {
  const Plotly = await loadPlotly(url);
  const shown = counts.slice(0, -1);
  await Plotly.react(box, [{
    type: "bar", x: shown.map((_n, k) => k * width_s), y: shown, width: width_s * 0.9, offset: width_s * 0.05, marker: { color: cssColour("--accent"), line: { width: 0 } },
    customdata: shown.map((n, k) => [number(n), `${decimal(k * width_s)}–${decimal((k + 1) * width_s)} s`]), hovertemplate: `<b>%{customdata[0]} ${gettext("headways")}</b><br>%{customdata[1]}<extra></extra>`,
  }], plain(box, { title: gettext("headways"), range: [0, Math.max(4, ...shown) * 1.08], height: 240, xaxis: { range: [0, shown.length * width_s], title: { text: gettext("seconds"), standoff: 4 }, nticks: 8 } }), CONFIG);
}

export async function drawPeaks(box, url, days) {
  const Plotly = await loadPlotly(url);
  const at = (day) => Date.parse(day.start);
  const every = Math.ceil(days.length / Math.max(3, Math.floor(box.clientWidth / 96)));
  const ticks = days.map((_day, k) => k).filter((k) => k % every === 0);
  await Plotly.react(box, [{
    type: "bar", x: days.map((_day, k) => k), y: days.map((day) => day.volume), marker: { color: cssColour("--accent"), line: { width: 0 } },
    customdata: days.map((day) => [number(day.volume), day.factor === null ? "–" : decimal(day.factor, 2), `${dateText(at(day))}, ${minuteTime(at(day))}–${minuteTime(Date.parse(day.end))}`]),
    hovertemplate: `<b>%{customdata[0]} ${gettext("vehicles")}</b>, ${gettext("PHF")} %{customdata[1]}<br>%{customdata[2]}<extra></extra>`,
  }], { ...plain(box, { title: gettext("vehicles in the peak hour"), range: [0, Math.max(4, ...days.map((day) => day.volume)) * 1.08], height: 240,
    xaxis: { range: [-0.6, days.length - 0.4], tickvals: ticks, ticktext: ticks.map((k) => dateText(at(days[k]))) } }), bargap: 0.2 }, CONFIG);
}
