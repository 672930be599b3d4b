// Draws one camera on a canvas: picture, zones, trails, boxes, lines with their totals. Numbers in, pixels out.
import { classColour } from "./classes.js";
import { cssColour } from "./dom.js";
import { number } from "./format.js";
import { centroid, fit, forwardNormal, middle } from "./geometry.js";
import { sum } from "./totals.js";

const FONT = `"Plex", system-ui, sans-serif`;
let palette = null;
addEventListener("themechange", () => (palette = null));

const colours = () =>
  (palette ??= {
    ground: cssColour("--picture-ground"), text: cssColour("--picture-text"),
    chip: cssColour("--picture-chip"), line: cssColour("--picture-line"), zone: cssColour("--picture-zone"),
  });

/** `size`: {width, height} in CSS px; `calm` leaves out what moves by itself, `boxes: false` all objects. */
export function paintCamera(context, camera, size, now, { calm = false, scene = true, boxes = true } = {}) {
  const c = colours();
  const frame = fit(size.width, size.height, camera.aspect);
  const at = ([x, y]) => [frame.x + x * frame.width, frame.y + y * frame.height];
  const scale = Math.max(0.8, Math.min(1.35, frame.width / 560));
  context.fillStyle = c.ground;
  context.fillRect(0, 0, size.width, size.height);
  paintPicture(context, camera, frame);
  if (!camera.picture) paintGrid(context, frame);
  // Without a live stream the words about its state stand over the picture, and nothing else.
  const live = camera.state.state === "live";
  const { zones, lines } = scene && live ? camera.scene : { zones: [], lines: [] };
  for (const zone of zones) paintZone(context, zone, camera.occupancy[zone.id], at, scale);
  const overlay = live && boxes ? camera.shownOverlay() : null;
  if (overlay && !calm) paintTrails(context, camera, at, overlay.t);
  if (overlay) for (const box of overlay.boxes) paintBox(context, box, at, scale, camera);
  for (const line of lines) {
    paintLine(context, line, camera.counts.today?.[line.id], at, scale, calm ? 0 : camera.shine(line.id, now));
  }
}

function paintPicture(context, camera, frame) {
  if (!camera.picture) return;
  const still = camera.state.state !== "live";
  if (still) context.filter = "grayscale(1) brightness(0.55)";
  context.drawImage(camera.picture, frame.x, frame.y, frame.width, frame.height);
  context.filter = "none";
}

/** Without a picture, a quiet perspective of the ground tells that this is a place, not an error. */
function paintGrid(context, frame) {
  context.save();
  context.beginPath();
  context.rect(frame.x, frame.y, frame.width, frame.height);
  context.clip();
  context.strokeStyle = "rgba(255,255,255,0.05)";
  context.lineWidth = 1;
  context.beginPath();
  for (let i = 1; i < 12; i++) {
    const x = frame.x + (frame.width * i) / 12, y = frame.y + (frame.height * i) / 12;
    context.moveTo(x, frame.y), context.lineTo(x, frame.y + frame.height);
    context.moveTo(frame.x, y), context.lineTo(frame.x + frame.width, y);
  }
  context.stroke();
  context.restore();
}

function paintZone(context, zone, occupancy, at, scale) {
  const points = zone.points.map(at);
  const busy = Math.min(occupancy ?? 0, 6);
  context.beginPath();
  points.forEach(([x, y], i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
  context.closePath();
  context.globalAlpha = 0.1 + 0.045 * busy;
  context.fillStyle = colours().zone;
  context.fill();
  context.globalAlpha = 0.85;
  context.strokeStyle = colours().zone;
  context.lineWidth = 1.25;
  context.stroke();
  context.globalAlpha = 1;
  const words = occupancy === undefined ? zone.name : `${zone.name}  ${number(occupancy)}`;
  paintChip(context, words, centroid(points), scale);
}

function paintTrails(context, camera, at, time) {
  context.lineWidth = 2;
  context.lineCap = "round";
  for (const trail of camera.trails.values()) {
    context.strokeStyle = classColour(trail.name, "picture");
    for (let i = 1; i < trail.points.length; i++) {
      const age = time - trail.points[i][2];
      if (age < 0) break;
      context.globalAlpha = Math.max(0, 0.75 - age / 2.6);
      context.beginPath();
      context.moveTo(...at(trail.points[i - 1]));
      context.lineTo(...at(trail.points[i]));
      context.stroke();
    }
  }
  context.globalAlpha = 1;
}

function paintBox(context, [track, name, x1, y1, x2, y2, , observed], at, scale, camera) {
  const [left, top] = at([x1, y1]);
  const [right, bottom] = at([x2, y2]);
  const colour = classColour(name, "picture");
  if (!camera.picture) paintDot(context, colour, [(left + right) / 2, (top + bottom) / 2], scale);
  context.setLineDash(observed ? [] : [4, 3]);
  context.lineWidth = 3;
  context.strokeStyle = "rgba(4,12,14,0.45)";
  context.strokeRect(left, top, right - left, bottom - top);
  context.lineWidth = 1.5;
  context.strokeStyle = colour;
  context.strokeRect(left, top, right - left, bottom - top);
  context.setLineDash([]);
  context.font = `600 ${Math.round(10 * scale)}px ${FONT}`;
  const text = String(track);
  const width = context.measureText(text).width + 6, height = Math.round(13 * scale);
  const y = top - height < 0 ? top : top - height;
  context.fillStyle = colour;
  context.fillRect(left - 0.75, y, width, height);
  context.fillStyle = "#08171a";
  context.textAlign = "left";
  context.textBaseline = "middle";
  context.fillText(text, left + 2.25, y + height / 2 + 0.5);
}

function paintDot(context, colour, [x, y], scale) {
  context.fillStyle = colour;
  context.beginPath();
  context.arc(x, y, 4 * scale, 0, 2 * Math.PI);
  context.fill();
}

function paintLine(context, line, counts, at, scale, shine) {
  const [a, b] = line.points.map(at);
  context.lineCap = "round";
  context.lineWidth = 5;
  context.strokeStyle = `rgba(4,12,14,${0.45 + 0.2 * shine})`;
  stroke(context, a, b);
  context.lineWidth = 2 + 3 * shine;
  context.strokeStyle = colours().line;
  stroke(context, a, b);
  const normal = forwardNormal([a, b]);
  paintArrow(context, middle([a, b]), normal, 15 * scale);
  const back = [-normal[0], -normal[1]];
  paintTotal(context, sum(counts?.forward), b, normal, scale);
  paintTotal(context, sum(counts?.backward), a, back, scale);
}

function stroke(context, a, b) {
  context.beginPath();
  context.moveTo(...a);
  context.lineTo(...b);
  context.stroke();
}

function paintArrow(context, [x, y], [nx, ny], length) {
  const tip = [x + nx * length, y + ny * length];
  for (const [width, style] of [[4.5, "rgba(4,12,14,0.45)"], [2, colours().line]]) {
    context.lineWidth = width;
    context.strokeStyle = style;
    context.lineJoin = "round";
    context.beginPath();
    context.moveTo(x, y);
    context.lineTo(...tip);
    for (const turn of [1, -1]) {
      context.moveTo(...tip);
      context.lineTo(tip[0] - (nx - turn * ny) * length * 0.3, tip[1] - (ny + turn * nx) * length * 0.3);
    }
    context.stroke();
  }
}

/** A total with a small arrow that points the way it counts. */
function paintTotal(context, total, [x, y], [nx, ny], scale) {
  const arrow = 9 * scale;
  const box = paintChip(context, number(total), [x + nx * 16 * scale, y + ny * 16 * scale], scale, arrow + 4);
  const cx = box.x + 5 + arrow / 2, cy = box.y + box.height / 2, r = arrow / 2;
  context.fillStyle = colours().text;
  context.beginPath();
  context.moveTo(cx + nx * r, cy + ny * r);
  context.lineTo(cx - nx * r - ny * r, cy - ny * r + nx * r);
  context.lineTo(cx - nx * r + ny * r, cy - ny * r - nx * r);
  context.fill();
}

/** A text on a dark chip round a point, kept inside the canvas; answers its rectangle. */
function paintChip(context, text, [x, y], scale, before = 0) {
  const size = Math.round(12 * scale);
  context.font = `600 ${size}px ${FONT}`;
  const pixels = context.getTransform().a;
  const width = context.measureText(text).width + 12 + before, height = size + 8;
  const left = Math.max(4, Math.min(x - width / 2, context.canvas.width / pixels - width - 4));
  const top = Math.max(4, Math.min(y - height / 2, context.canvas.height / pixels - height - 4));
  context.fillStyle = colours().chip;
  context.beginPath();
  context.roundRect(left, top, width, height, 4);
  context.fill();
  context.fillStyle = colours().text;
  context.textAlign = "left";
  context.textBaseline = "middle";
  context.fillText(text, left + 6 + before, top + height / 2 + 0.5);
  return { x: left, y: top, width, height };
}
