// Size × latency × accuracy: a disc per version, the front as a line, the best one named.
import { bytesText } from "./sizes.js";
import { cssColour } from "./dom.js";
import { decimal } from "./format.js";
import { gettext } from "./i18n.js";
import { CONFIG, loadPlotly } from "./plot.js";

const LEAST_PX = 12, MOST_PX = 44;

/** The area of a disc grows with the file. */
function discs(rows) {
  const most = Math.max(...rows.map((row) => row.size_bytes));
  return rows.map((row) => Math.max(LEAST_PX, MOST_PX * Math.sqrt(row.size_bytes / most)));
}

export async function drawComparison(box, plotly, document_) {
  const rows = document_.rows.filter((row) => row.latency && row.accuracy && row.accuracy.ap50 !== null);
  box.hidden = rows.length === 0;
  if (!rows.length) return;
  const Plotly = await loadPlotly(plotly);
  const by = Object.fromEntries(rows.map((row) => [row.reference, row]));
  const line = document_.line.map((name) => by[name]).filter(Boolean);
  const best = document_.best?.reference;
  const accent = cssColour("--accent"), text = cssColour("--text"), muted = cssColour("--muted"), grid = cssColour("--line");
  const names = { family: "Plex, system-ui, sans-serif", size: 12, color: text };
  const traces = [
    { type: "scatter", mode: "lines", x: line.map((row) => row.latency.p50_ms), y: line.map((row) => row.accuracy.ap50), line: { color: accent, width: 2, dash: "dot" }, hoverinfo: "skip" },
    {
      type: "scatter", mode: "markers+text", x: rows.map((row) => row.latency.p50_ms), y: rows.map((row) => row.accuracy.ap50),
      text: rows.map((row) => label(row, document_, best, box.clientWidth)), textposition: positions(rows, document_.line), textfont: names,
      marker: { size: discs(rows), color: rows.map((row) => (row.on_front ? accent : cssColour("--idle"))), opacity: 0.85, line: { color: rows.map((row) => (row.reference === best ? text : cssColour("--surface"))), width: rows.map((row) => (row.reference === best ? 3 : 1)) } },
      error_y: { type: "data", symmetric: false, array: rows.map((row) => Math.max((row.accuracy.high ?? row.accuracy.ap50) - row.accuracy.ap50, 0)), arrayminus: rows.map((row) => Math.max(row.accuracy.ap50 - (row.accuracy.low ?? row.accuracy.ap50), 0)), color: muted, thickness: 1, width: 4 },
      customdata: rows.map((row) => [row.reference, decimal(row.accuracy.ap50, 3), decimal(row.latency.p50_ms, 1), bytesText(row.size_bytes)]),
      hovertemplate: `<b>%{customdata[0]}</b><br>AP50 %{customdata[1]}<br>%{customdata[2]} ms<br>%{customdata[3]}<extra></extra>`,
    },
  ];
  await Plotly.react(box, traces, {
    height: box.clientWidth < 560 ? 320 : 420, margin: { l: 52, r: 24, t: 16, b: 48 }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", showlegend: false, dragmode: false,
    font: { ...names, color: muted }, hoverlabel: { bgcolor: cssColour("--surface"), bordercolor: cssColour("--line-strong"), font: { ...names, size: 13 }, align: "left" },
    xaxis: { title: { text: gettext("Latency, median (ms)"), standoff: 10 }, range: [0, 1.15 * Math.max(...rows.map((row) => row.latency.p50_ms))], fixedrange: true, gridcolor: grid, zeroline: false, nticks: 7 },
    yaxis: { title: { text: "AP50", standoff: 8 }, range: accuracyRange(rows), fixedrange: true, gridcolor: grid, zeroline: false, nticks: 7, tickformat: ".2f" },
  }, CONFIG);
}

/** Only what is worth a look is named in the picture; the others say their names when pointed at, and in the table. */
function label(row, document_, best, width) {
  if (row.reference === best) return `<b>${row.reference}</b>`;
  const named = width < 560 ? document_.line : [...document_.line, ...document_.front];
  return named.includes(row.reference) ? row.reference : "";
}

/** Above what the line joins, below what lies under it, so that names seldom meet; near the right edge to the left. */
function positions(rows, line) {
  const slowest = Math.max(...rows.map((row) => row.latency.p50_ms));
  return rows.map((row) => `${line.includes(row.reference) ? "top" : "bottom"} ${row.latency.p50_ms > 0.85 * slowest ? "left" : "center"}`);
}

function accuracyRange(rows) {
  const values = rows.flatMap((row) => [row.accuracy.low ?? row.accuracy.ap50, row.accuracy.high ?? row.accuracy.ap50]);
  const room = 0.25 * Math.max(Math.max(...values) - Math.min(...values), 0.08);
  return [Math.max(0, Math.min(...values) - room), Math.min(1.04, Math.max(...values) + room)];
}
