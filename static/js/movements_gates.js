// Movements as a matrix: gates (a line and the way over it), sums, names.
import { directionArrow, directionWord } from "./direction.js";
import { h } from "./dom.js";
import { forwardNormal } from "./geometry.js";

const from = (row) => `${row.from_line}|${row.from_direction}`;
const to = (row) => `${row.to_line}|${row.to_direction}`;
export const pairOf = (origin, destination) => `${origin} ${destination}`;

/** {origins, destinations, cells: Map of pair → count, rows and columns: Map of gate → sum, total}. */
export function matrixOf(rows, lines) {
  const matrix = { cells: new Map(), rows: new Map(), columns: new Map(), total: 0 };
  const add = (map, key, n) => map.set(key, (map.get(key) ?? 0) + n);
  for (const row of rows) {
    add(matrix.cells, pairOf(from(row), to(row)), row.count);
    add(matrix.rows, from(row), row.count);
    add(matrix.columns, to(row), row.count);
    matrix.total += row.count;
  }
  const place = (gate) => {
    const i = lines.findIndex((line) => line.id === gate.split("|")[0]);
    return i < 0 ? lines.length : i;
  };
  // As the lines were drawn, those no longer drawn last; forward before backward.
  const ordered = (map) => [...map.keys()].sort((a, b) => {
    const [[lineA, wayA], [lineB, wayB]] = [a.split("|"), b.split("|")];
    return place(a) - place(b) || lineA.localeCompare(lineB) || wayB.localeCompare(wayA);
  });
  return { ...matrix, origins: ordered(matrix.rows), destinations: ordered(matrix.columns) };
}

export const gatesOf = (row) => [from(row), to(row)];

const lineOf = (gate, lines) => {
  const [id, direction] = gate.split("|");
  return { id, direction, line: lines.find((line) => line.id === id) };
};

/** Arrow and name; a line that is no longer drawn has only its id. */
export function gateName(gate, lines) {
  const { id, direction, line } = lineOf(gate, lines);
  return h("span", { class: "gate" }, line ? directionArrow(direction, [line]) : null, line?.name ?? id,
    h("span", { class: "unseen" }, ` (${directionWord(direction)})`));
}

const ARROWS = ["↑", "↗", "→", "↘", "↓", "↙", "←", "↖"];

/** The same as a text, for charts. */
export function gateText(gate, lines) {
  const { id, direction, line } = lineOf(gate, lines);
  if (!line) return `${id} (${directionWord(direction)})`;
  const [x, y] = forwardNormal(line.points.map(([px, py]) => [px * 16, py * 9]));
  const turn = Math.atan2(x, -y) / (Math.PI / 4) + (direction === "forward" ? 0 : 4);
  return `${line.name} ${ARROWS[((Math.round(turn) % 8) + 8) % 8]}`;
}
