// A drawn grid: its four outer corners are placed, which suggests its other nodes. Only what a person set counts as
// marked: suggestions follow from the corners, and would make them look better than they are.
import { fill, gettext, ngettext } from "./i18n.js";

const CORNER_WORDS = () => [gettext("near left"), gettext("near right"), gettext("far right"), gettext("far left")];

/** (u, v) in 0–1 of the square → the quadrilateral near left, near right, far right, far left (Heckbert, 1989). */
export function projected([a, b, c, d], u, v) {
  const s = [0, 1].map((k) => a[k] - b[k] + c[k] - d[k]);
  const [e, f] = [[b[0] - c[0], b[1] - c[1]], [d[0] - c[0], d[1] - c[1]]];
  const size = e[0] * f[1] - f[0] * e[1];
  const g = (s[0] * f[1] - f[0] * s[1]) / size, h = (e[0] * s[1] - s[0] * e[1]) / size;
  const depth = g * u + h * v + 1;
  return [0, 1].map((k) => ((b[k] - a[k] + g * b[k]) * u + (d[k] - a[k] + h * d[k]) * v + a[k]) / depth);
}

export function gridMethod(placeCorner, removeFrom, metres) {
  const nodes = (value) => value.objects.filter((object) => object.node);
  const inOrder = (value) => nodes(value).filter((object) => object.set).sort((p, q) => p.node[0] - q.node[0] || p.node[1] - q.node[1]);

  const place = (value, corners, [r, c]) =>
    projected(corners, c / value.measures.columns, r / value.measures.rows).map((v) => Math.min(1, Math.max(0, v)));
  const outer = ({ rows, columns }) => [[0, 0], [0, columns], [rows, columns], [rows, 0]];
  const cornersOf = (value, measures) => {
    const found = outer(measures).map(([r, c]) => value.objects.find((object) => object.id === `n${r}-${c}`)?.points[0]);
    return found.every(Boolean) ? found : null;
  };

  function fillIn(value, corners) {
    const { rows, columns } = value.measures;
    const set = new Set(outer(value.measures).map(String));
    value.objects = [];
    for (let r = 0; r <= rows; r++) {
      for (let c = 0; c <= columns; c++) {
        value.objects.push({ id: `n${r}-${c}`, node: [r, c], points: [place(value, corners, [r, c])], set: set.has(`${r},${c}`) });
      }
    }
  }

  return {
    title: () => gettext("Drawn grid"),
    about: () => gettext("A grid painted or laid on the ground, such as slabs or parking bays: its outer corners, then every node."),
    measures: () => [
      metres("cell_width_m", gettext("Width of a cell"), 1), metres("cell_length_m", gettext("Length of a cell"), 1),
      { name: "columns", label: gettext("Cells across"), initial: 3, least: 1, most: 7, whole: true },
      { name: "rows", label: gettext("Cells ahead"), initial: 3, least: 1, most: 7, whole: true },
    ],
    place(value, at) {
      const placed = placeCorner(value, "corners", at);
      const corners = value.objects.find((object) => object.id === "corners");
      if (corners.points.length < 4) return placed;
      fillIn(value, corners.points);
      return { id: `n${value.measures.rows}-0`, point: 0 };
    },
    complete: (value) => nodes(value).length > 0,
    hint(value) {
      const open = nodes(value).filter((object) => !object.set).length;
      if (open) return fill(ngettext("Drag the faint node to where it really is, or click it if it is right.",
        "Drag each of %(n)s faint nodes to where it really is, or click it if it is right. Delete those that cannot be seen.", open), { n: open });
      if (nodes(value).length) return gettext("Every node is set. Compare the drawn grid with the ground.");
      const n = value.objects[0]?.points.length ?? 0;
      return fill(gettext("Click the %(corner)s corner of the whole grid."), { corner: CORNER_WORDS()[n] });
    },
    marks: (value) => inOrder(value).map(({ id }) => ({ id, point: 0 })),
    write(value) {
      const { cell_width_m: w, cell_length_m: l } = value.measures;
      const placed = inOrder(value);
      if (placed.length < 4) return null;
      return { points: placed.map((object) => ({ image: object.points[0], road_m: [object.node[1] * w, object.node[0] * l] })) };
    },
    read({ points }) {
      const steps = [0, 1].map((k) => [...new Set(points.map((p) => p.road_m[k]))].sort((a, b) => a - b));
      const cell = steps.map((list) => Math.min(...list.slice(1).map((v, i) => v - list[i])));
      const counts = steps.map((list, k) => Math.round(list.at(-1) / cell[k]));
      return {
        measures: { cell_width_m: cell[0], cell_length_m: cell[1], columns: counts[0], rows: counts[1] },
        objects: points.map((p) => {
          const node = [Math.round(p.road_m[1] / cell[1]), Math.round(p.road_m[0] / cell[0])];
          return { id: `n${node[0]}-${node[1]}`, node, points: [p.image], set: true };
        }),
      };
    },
    /** Another number of cells: the nodes between the same outer corners are laid anew. */
    remeasure(value, name, before) {
      if (name !== "rows" && name !== "columns") return;
      const corners = cornersOf(value, before);
      if (corners) fillIn(value, corners);
    },
    /** A node was moved or clicked: it is set, and the suggestions follow the corners. */
    touched(value, object) {
      if (!object.node) return;
      object.set = true;
      const corners = cornersOf(value, value.measures);
      if (!corners || !outer(value.measures).some((node) => node.join() === object.node.join())) return;
      for (const other of nodes(value)) if (!other.set) other.points = [place(value, corners, other.node)];
    },
    /** Pairs of nodes that an edge of the grid joins. */
    edges(value) {
      const at = new Map(nodes(value).map((object) => [object.node.join(), object.points[0]]));
      return nodes(value).flatMap(({ node: [r, c], points: [from] }) =>
        [[r, c + 1], [r + 1, c]].map((node) => at.get(node.join())).filter(Boolean).map((to) => [from, to]));
    },
    closed: true,
    quietList: true,
    label: (object, i) => (object.node ? "" : `${i + 1} ${CORNER_WORDS()[i]}`),
    remove(value, object, point) {
      if (object.node) value.objects = nodes(value).length > 4 ? value.objects.filter((other) => other !== object) : [];
      else removeFrom(value, object, point);
    },
  };
}
