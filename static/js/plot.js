// Plotly, loaded only where a chart is seen, with the look of the gateway: no zoom, own ticks in site time.
import { cssColour } from "./dom.js";
import { dateText, minuteTime } from "./format.js";
import { localMinuteOfDay, localText } from "./period.js";
import { coverage, isGap } from "./count_bins.js";
import { fill, gettext } from "./i18n.js";

let loading = null;

export function loadPlotly(url) {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = url;
    script.addEventListener("load", () => resolve(window.Plotly));
    script.addEventListener("error", () => {
      loading = null;
      reject(new Error(gettext("The chart could not be loaded. Reload the page; the table below has the same numbers.")));
    });
    document.head.append(script);
  });
  return loading;
}

export const CONFIG = { displayModeBar: false, responsive: true, showTips: false };

export function periodText(bin) {
  const day = dateText(bin.start);
  if (bin.end - bin.start >= 7 * 86_400_000 - 3_600_001) return `${day} – ${dateText(bin.end - 1)}`;
  if (bin.end - bin.start >= 82_800_000) return day;
  return `${day}, ${minuteTime(bin.start)}–${minuteTime(bin.end)}`;
}

/** "complete", "33 % observed", "camera down", "not observed": what is known of a bin. */
export function coverageText(bin) {
  if (bin.coverage === "complete") return gettext("completely observed");
  if (!isGap(bin)) return fill(gettext("%(percent)s observed"), { percent: `${Math.min(99, Math.round(coverage(bin) * 100))} %` });
  return bin.coverage === "down" ? gettext("camera down") : gettext("not observed");
}

/** What was not observed is hatched over the whole height, a camera that was down the other way and crossed. */
export function gapTrace(bins) {
  const gaps = bins.filter(isGap);
  const down = (bin) => bin.coverage === "down";
  return {
    type: "bar", yaxis: "y2", x: gaps.map((b) => b.start), y: gaps.map(() => 1), width: gaps.map((b) => b.end - b.start), offset: 0,
    marker: {
      color: "rgba(0,0,0,0)", line: { width: 0 },
      pattern: { shape: gaps.map((b) => (down(b) ? "x" : "/")), fgcolor: gaps.map((b) => cssColour(down(b) ? "--hatch-down" : "--hatch")), bgcolor: "rgba(0,0,0,0)", size: 8, solidity: 0.14 },
    },
    customdata: gaps.map((b) => [coverageText(b), periodText(b)]), hovertemplate: "<b>%{customdata[0]}</b><br>%{customdata[1]}<extra></extra>", showlegend: false,
  };
}

/** Bars of bins that were observed in part are paler. */
export const barOpacity = (bins) => bins.map((bin) => (bin.coverage === "partial" ? 0.5 : 1));

export function layout(bins, box, { title, range, height = 420 }) {
  const text = cssColour("--muted"), line = cssColour("--line");
  const { vals, texts } = ticks(bins, box.clientWidth);
  return {
    height, margin: { l: 56, r: 12, t: 8, b: 48 }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: "Plex, system-ui, sans-serif", size: 12, color: text }, barmode: "relative", bargap: 0, showlegend: false, dragmode: false,
    hoverlabel: { bgcolor: cssColour("--surface"), bordercolor: cssColour("--line-strong"), font: { color: cssColour("--text"), size: 13, family: "Plex, system-ui, sans-serif" }, align: "left" },
    xaxis: { type: "linear", tickvals: vals, ticktext: texts, range: [bins[0].start, bins[bins.length - 1].end], fixedrange: true, showgrid: false, zeroline: false, tickangle: 0 },
    yaxis: { title: { text: title, standoff: 8 }, range, fixedrange: true, gridcolor: line, zerolinecolor: cssColour("--line-strong"), zerolinewidth: 1, tickformat: ",d", nticks: 7 },
    yaxis2: { overlaying: "y", range: [0, 1], visible: false, fixedrange: true },
  };
}

const STEPS = [1, 5, 10, 15, 30, 60, 120, 180, 360, 720];

/** Ticks at round local times: bins begin there anyway, so clock changes need no thought. */
function ticks(bins, width) {
  const most = Math.max(3, Math.floor(width / 96));
  const starts = bins.map((bin) => bin.start);
  let chosen = null;
  for (const step of STEPS) {
    const fits = starts.filter((at) => localMinuteOfDay(at) % step === 0);
    if (fits.length <= most && fits.length > 1) {
      chosen = fits;
      break;
    }
  }
  if (!chosen) {
    const days = starts.filter((at) => localMinuteOfDay(at) === 0);
    const every = Math.ceil(days.length / most) || 1;
    chosen = days.filter((_at, i) => i % every === 0);
  }
  let day = "";
  const texts = chosen.map((at) => {
    const today = localText(at).slice(0, 10);
    const label = localMinuteOfDay(at) === 0 && bins[0].end - bins[0].start >= 82_800_000 ? "" : minuteTime(at);
    const first = today !== day;
    day = today;
    return label && first ? `${label}<br>${dateText(at)}` : label || dateText(at);
  });
  // A whole day's name stands under the middle of its bar, a time where its bar begins.
  const whole = bins[0].end - bins[0].start >= 82_800_000;
  const vals = whole ? chosen.map((at) => at + (bins[0].end - bins[0].start) / 2) : chosen;
  return { vals, texts };
}
