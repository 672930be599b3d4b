// Boxes drawn over a picture, from numbers in 0–1.
import { classColour, className } from "./classes.js";

/** A canvas with the picture and the boxes [{class, score, xyxy}] on it. */
export function paintBoxes(canvas, picture, boxes) {
  canvas.width = picture.naturalWidth || picture.width;
  canvas.height = picture.naturalHeight || picture.height;
  const paper = canvas.getContext("2d");
  const unit = Math.max(canvas.width, canvas.height) / 640;
  paper.drawImage(picture, 0, 0);
  paper.lineWidth = 2 * unit;
  paper.font = `600 ${13 * unit}px Plex, system-ui, sans-serif`;
  paper.textBaseline = "top";
  for (const box of boxes) {
    const [x1, y1, x2, y2] = box.xyxy.map((value, i) => value * (i % 2 ? canvas.height : canvas.width));
    const colour = classColour(box.class, "picture");
    paper.strokeStyle = colour;
    paper.strokeRect(x1, y1, x2 - x1, y2 - y1);
    const text = `${className(box.class)} ${Math.round(box.score * 100)} %`;
    const width = paper.measureText(text).width + 8 * unit;
    const top = Math.max(0, y1 - 18 * unit);
    paper.fillStyle = "rgb(10 18 21 / 78%)";
    paper.fillRect(x1, top, width, 18 * unit);
    paper.fillStyle = colour;
    paper.fillText(text, x1 + 4 * unit, top + 2 * unit);
  }
}
