// Paints seconds per cell over a camera's picture or, without one, over its lines and zones.
import { cssColour } from "./dom.js";
import { centroid } from "./geometry.js";

// Dark to light, so that it reads without hue too; what nobody was on stays clear.
const STOPS = [[0, 40, 20, 90, 0], [0.08, 58, 28, 120, 0.45], [0.3, 150, 40, 130, 0.68], [0.55, 222, 78, 84, 0.8], [0.8, 252, 158, 58, 0.86], [1, 252, 240, 150, 0.92]];

/** [r, g, b, alpha 0–1] of a share 0–1 of the scale. */
export function heatColour(share) {
  const above = Math.max(1, STOPS.findIndex((stop) => stop[0] >= share));
  const [low, high] = [STOPS[above - 1], STOPS[above]];
  const part = (share - low[0]) / (high[0] - low[0]);
  return [1, 2, 3, 4].map((i) => low[i] + part * (high[i] - low[i]));
}

/** Share of the scale: by the square root, so that one parked car does not hide a road. */
export const scaled = (seconds, most) => Math.sqrt(Math.min(1, seconds / most));

export function paintScale(canvas) {
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, 1);
  for (let x = 0; x < canvas.width; x++) image.data.set(rgba(heatColour(x / (canvas.width - 1))), 4 * x);
  context.putImageData(image, 0, 0);
}

const rgba = ([r, g, b, alpha]) => [r, g, b, alpha * 255];

function gridImage(cells, most) {
  const rows = cells.length, columns = cells[0].length;
  const canvas = new OffscreenCanvas(columns, rows);
  const context = canvas.getContext("2d");
  const image = context.createImageData(columns, rows);
  cells.forEach((row, y) => row.forEach((seconds, x) => image.data.set(rgba(heatColour(scaled(seconds, most))), 4 * (y * columns + x))));
  context.putImageData(image, 0, 0);
  return canvas;
}

/** `chosen`: {row, column} that is read, or null. The size of the canvas is in CSS px × `dpr`. */
export function paintHeat(context, { width, height }, { picture, scene, cells, most, chosen }) {
  context.fillStyle = cssColour("--picture-ground");
  context.fillRect(0, 0, width, height);
  if (picture) {
    context.filter = "grayscale(0.7) brightness(0.6)";
    context.drawImage(picture, 0, 0, width, height);
    context.filter = "none";
  }
  if (most > 0) {
    context.imageSmoothingEnabled = true;
    context.imageSmoothingQuality = "high";
    context.drawImage(gridImage(cells, most), 0, 0, width, height);
  }
  const at = ([x, y]) => [x * width, y * height];
  const scale = Math.max(0.8, Math.min(1.3, width / 700));
  for (const zone of scene.zones) paintZone(context, zone, at, scale);
  for (const line of scene.lines) paintLine(context, line, at, scale);
  if (chosen) paintChosen(context, chosen, cells, width, height);
}

function paintZone(context, zone, at, scale) {
  context.beginPath();
  zone.points.map(at).forEach(([x, y], i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
  context.closePath();
  context.strokeStyle = cssColour("--picture-zone");
  context.setLineDash([5, 4]);
  context.lineWidth = 1.25;
  context.stroke();
  context.setLineDash([]);
  paintName(context, zone.name, at(centroid(zone.points)), scale);
}

function paintLine(context, line, at, scale) {
  const [a, b] = line.points.map(at);
  for (const [width, style] of [[4.5, "rgba(4,12,14,0.5)"], [2, cssColour("--picture-line")]]) {
    context.lineWidth = width;
    context.strokeStyle = style;
    context.beginPath();
    context.moveTo(...a);
    context.lineTo(...b);
    context.stroke();
  }
  // Beside a steep line there is no room for its name: it stands over the upper end.
  const steep = Math.abs(b[1] - a[1]) > Math.abs(b[0] - a[0]);
  const [x, y] = steep ? (a[1] < b[1] ? a : b) : [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
  paintName(context, line.name, [x, y - 14 * scale], scale);
}

function paintName(context, name, [x, y], scale) {
  context.font = `600 ${Math.round(12 * scale)}px "Plex", system-ui, sans-serif`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  const wide = context.measureText(name).width + 12, high = Math.round(20 * scale);
  const left = Math.max(0, Math.min(context.canvas.clientWidth - wide, x - wide / 2));
  context.fillStyle = cssColour("--picture-chip");
  context.beginPath();
  context.roundRect(left, y - high / 2, wide, high, 4);
  context.fill();
  context.fillStyle = cssColour("--picture-text");
  context.fillText(name, left + wide / 2, y + 0.5);
}

function paintChosen(context, { row, column }, cells, width, height) {
  const w = width / cells[0].length, h = height / cells.length;
  context.lineWidth = 2;
  context.strokeStyle = cssColour("--picture-line");
  context.strokeRect(column * w, row * h, w, h);
}
