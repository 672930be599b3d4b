// Directions as shapes: an arrow points the way things move on the picture, as the counting line's own does.

import { h } from "./dom.js";
import { forwardNormal } from "./geometry.js";
import { gettext } from "./i18n.js";

const words = { forward: () => gettext("Forward"), backward: () => gettext("Backward") };

export const directionWord = (direction) => words[direction]();

/** An arrow for numbers of these lines ({points} in 0–1); null when the lines point different ways. */
export function directionArrow(direction, lines) {
  const turn = commonTurn(lines);
  if (turn === null) return null;
  const arrow = h("i", { class: "arrow", title: directionWord(direction) });
  arrow.style.rotate = `${Math.round(turn + (direction === "forward" ? 0 : 180))}deg`;
  return arrow;
}

/** Degrees from "up" to the forward direction that all lines share, within a quarter turn. */
function commonTurn(lines) {
  if (!lines.length) return null;
  const normals = lines.map((line) => forwardNormal(line.points.map(([x, y]) => [x * 16, y * 9])));
  const [x, y] = normals.reduce((sum, normal) => [sum[0] + normal[0], sum[1] + normal[1]], [0, 0]);
  const length = Math.hypot(x, y);
  if (normals.some((normal) => normal[0] * x + normal[1] * y < length * Math.SQRT1_2)) return null;
  return (Math.atan2(x, -y) * 180) / Math.PI;
}
