// Movements as bands from the first line on the left to the last on the right, in the colours of their classes.
import { classColour, className, inOrder } from "./classes.js";
import { cssColour } from "./dom.js";
import { decimal, number } from "./format.js";
import { fill, gettext } from "./i18n.js";
import { gatesOf, gateText } from "./movements_gates.js";
import { CONFIG, loadPlotly } from "./plot.js";

const MARGIN = 10;
const PAD = 18;

/** Middles of the nodes, 0–1 of the height: in the order of the table, each side in the middle. */
function places(gates, sums, total, height, most) {
  const free = height - (most - 1) * PAD;
  let y = (height - (gates.length - 1) * PAD - free) / 2;
  return gates.map((gate) => {
    const high = (free * sums.get(gate)) / total;
    y += high + PAD;
    return (y - PAD - high / 2) / height;
  });
}

const pale = (colour, share) => {
  const [r, g, b] = [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16));
  return `rgba(${r},${g},${b},${share})`;
};

export async function drawSankey(box, url, rows, matrix, lines) {
  const Plotly = await loadPlotly(url);
  const text = cssColour("--text"), narrow = box.clientWidth < 560;
  const nodes = [...matrix.origins, ...matrix.destinations];
  const second = matrix.origins.length;
  const known = inOrder(new Set(rows.map((row) => row.class)));
  const links = [...rows].sort((a, b) => known.indexOf(a.class) - known.indexOf(b.class)).map((row) => {
    const [origin, destination] = gatesOf(row);
    return { row, origin, destination, source: matrix.origins.indexOf(origin), target: second + matrix.destinations.indexOf(destination) };
  });
  const words = ({ row, origin, destination }) => [
    fill("%(n)s × %(name)s", { n: number(row.count), name: className(row.class) }),
    `${gateText(origin, lines)} – ${gateText(destination, lines)}`,
    fill(gettext("%(share)s % of all"), { share: decimal((100 * row.count) / matrix.total) }),
  ];
  const sums = nodes.map((gate, i) => (i < second ? matrix.rows : matrix.columns).get(gate));
  const short = (name) => (narrow && name.length > 14 ? `${name.slice(0, 10)}… ${name.slice(-1)}` : name);
  const most = Math.max(second, matrix.destinations.length);
  const height = Math.max(260, 62 * most + 40), inner = height - 24;
  await Plotly.react(box, [{
    type: "sankey", arrangement: "fixed", orientation: "h", valueformat: ",d",
    node: {
      label: nodes.map((gate, i) => `${short(gateText(gate, lines))}  ${number(sums[i])}`), pad: PAD, thickness: 12,
      // Not 0 and 1: for Plotly these are no places.
      x: nodes.map((_gate, i) => (i < second ? 0.001 : 0.999)),
      y: [...places(matrix.origins, matrix.rows, matrix.total, inner, most), ...places(matrix.destinations, matrix.columns, matrix.total, inner, most)],
      color: cssColour("--line-strong"), line: { width: 0 },
      customdata: nodes.map((gate, i) => [gateText(gate, lines), number(sums[i]), i < second ? gettext("set out here") : gettext("went out here")]),
      hovertemplate: "<b>%{customdata[1]}</b> %{customdata[2]}<br>%{customdata[0]}<extra></extra>",
    },
    link: {
      source: links.map((l) => l.source), target: links.map((l) => l.target), value: links.map((l) => l.row.count),
      color: links.map((l) => pale(classColour(l.row.class), 0.5)), hovercolor: links.map((l) => pale(classColour(l.row.class), 0.85)),
      customdata: links.map(words), hovertemplate: "<b>%{customdata[0]}</b><br>%{customdata[1]}<br>%{customdata[2]}<extra></extra>",
    },
    textfont: { color: text, size: narrow ? 11 : 13, family: "Plex, system-ui, sans-serif" },
  }], {
    height, margin: { l: MARGIN, r: MARGIN, t: 12, b: 12 },
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { family: "Plex, system-ui, sans-serif", size: 13, color: text },
    hoverlabel: { bgcolor: cssColour("--surface"), bordercolor: cssColour("--line-strong"), font: { color: text, size: 13, family: "Plex, system-ui, sans-serif" }, align: "left" },
  }, CONFIG);
}
