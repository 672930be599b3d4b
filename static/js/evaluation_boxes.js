// The boxes of one picture while they are edited: plain data with undo; corners in 0–1.
const LEAST = 0.004;
const clamp = (value) => Math.min(1, Math.max(0, value));

export class EditedBoxes {
  constructor(changed) {
    this.changed = changed;
    this.load([]);
  }

  load(boxes) {
    this.items = structuredClone(boxes);
    this.selected = -1;
    this.past = [];
  }

  get current() {
    return this.items[this.selected] ?? null;
  }

  /** Call before a change: what undo goes back to. */
  mark() {
    this.past.push(structuredClone(this.items));
    if (this.past.length > 100) this.past.shift();
  }

  undo() {
    if (!this.past.length) return;
    this.items = this.past.pop();
    this.selected = Math.min(this.selected, this.items.length - 1);
    this.changed();
  }

  select(index) {
    this.selected = index;
  }

  add(name, xyxy) {
    this.mark();
    this.items.push({ class: name, xyxy: ordered(xyxy) });
    this.selected = this.items.length - 1;
    this.changed();
  }

  remove() {
    if (!this.current) return;
    this.mark();
    this.items.splice(this.selected, 1);
    this.selected = Math.min(this.selected, this.items.length - 1);
    this.changed();
  }

  setClass(name) {
    if (!this.current || this.current.class === name) return;
    this.mark();
    this.current.class = name;
    this.changed();
  }

  /** Whole box, kept on the picture. */
  move(dx, dy, from = this.current?.xyxy) {
    if (!this.current) return;
    const [x1, y1, x2, y2] = from;
    const stepX = Math.min(1 - x2, Math.max(-x1, dx)), stepY = Math.min(1 - y2, Math.max(-y1, dy));
    this.current.xyxy = [x1 + stepX, y1 + stepY, x2 + stepX, y2 + stepY];
  }

  /** Corner or side: `sides` names those that follow, such as {x: 2, y: 3} for the lower right corner. */
  resize(sides, x, y) {
    if (!this.current) return;
    const box = [...this.current.xyxy];
    if (sides.x !== undefined) box[sides.x] = sides.x === 0 ? Math.min(clamp(x), box[2] - LEAST) : Math.max(clamp(x), box[0] + LEAST);
    if (sides.y !== undefined) box[sides.y] = sides.y === 1 ? Math.min(clamp(y), box[3] - LEAST) : Math.max(clamp(y), box[1] + LEAST);
    this.current.xyxy = box.map(clamp);
  }

  /** For the server: its limits are strict, floats are not. */
  document() {
    return this.items.map((item) => ({ ...item, xyxy: ordered(item.xyxy).map((value) => Number(value.toFixed(6))) }));
  }
}

function ordered([xa, ya, xb, yb]) {
  const x1 = clamp(Math.min(xa, xb, 1 - LEAST)), y1 = clamp(Math.min(ya, yb, 1 - LEAST));
  return [x1, y1, clamp(Math.max(xa, xb, x1 + LEAST)), clamp(Math.max(ya, yb, y1 + LEAST))];
}
