// Geometry of scenes on screen: x to the right, y down. Points are [x, y].

export const middle = ([a, b]) => [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
export const distance = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]);

/** Unit vector of the forward direction: from the left of the arrow p1→p2 to its right, as seen on screen. */
export function forwardNormal([p1, p2]) {
  const length = distance(p1, p2) || 1;
  return [-(p2[1] - p1[1]) / length, (p2[0] - p1[0]) / length];
}

export function centroid(points) {
  let area = 0, x = 0, y = 0;
  points.forEach((p, i) => {
    const q = points[(i + 1) % points.length];
    const cross = p[0] * q[1] - q[0] * p[1];
    area += cross;
    x += (p[0] + q[0]) * cross;
    y += (p[1] + q[1]) * cross;
  });
  if (Math.abs(area) < 1e-9) return points[0];
  return [x / (3 * area), y / (3 * area)];
}

const side = (p, q, r) => (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0]);
const cross = (a, b, c, d) => side(a, b, c) * side(a, b, d) <= 0 && side(c, d, a) * side(c, d, b) <= 0;

/** Whether two edges of the closed polygon that are not neighbours cross: the server refuses those. */
export function crossesItself(points) {
  const n = points.length;
  for (let i = 0; i < n; i++) {
    for (let j = i + 2; j < n; j++) {
      if (i === 0 && j === n - 1) continue;
      if (cross(points[i], points[(i + 1) % n], points[j], points[(j + 1) % n])) return true;
    }
  }
  return false;
}

export function polygonArea(points) {
  return Math.abs(points.reduce((sum, p, i) => {
    const q = points[(i + 1) % points.length];
    return sum + p[0] * q[1] - q[0] * p[1];
  }, 0)) / 2;
}

/** The largest rectangle of the given aspect inside width × height: {x, y, width, height}. */
export function fit(width, height, aspect) {
  const w = Math.min(width, height * aspect);
  const h = w / aspect;
  return { x: (width - w) / 2, y: (height - h) / 2, width: w, height: h };
}
