// Draws the boxes over a picture and turns mouse, pen, touch and keys into changes of them.
import { classColour, className } from "./classes.js";
import { s } from "./dom.js";

const DRAG_PX = 5;
const HANDLES = [[0, 1], [2, 1], [2, 3], [0, 3]];

export class BoxEditor {
  /** `hooks`: {selected(), chosenClass()}; `frozen` true only shows. */
  constructor(svg, picture, boxes, hooks, frozen = false) {
    Object.assign(this, { svg, picture, boxes, hooks, frozen, drag: null });
    if (frozen) return;
    svg.addEventListener("pointerdown", (event) => this.down(event));
    svg.addEventListener("pointermove", (event) => this.move(event));
    svg.addEventListener("pointerup", (event) => this.up(event));
    svg.addEventListener("pointercancel", () => this.cancel());
    svg.addEventListener("focusin", (event) => {
      const index = event.target.dataset?.box;
      if (index !== undefined && Number(index) !== this.boxes.selected) this.select(Number(index));
    });
  }

  place(event) {
    const area = this.svg.getBoundingClientRect();
    return [(event.clientX - area.left) / area.width, (event.clientY - area.top) / area.height];
  }

  select(index) {
    this.boxes.select(index);
    this.draw();
    this.hooks.selected();
  }

  down(event) {
    if (event.button !== 0) return;
    event.preventDefault();
    this.svg.setPointerCapture(event.pointerId);
    const at = this.place(event);
    const handle = event.target.dataset.handle;
    if (handle !== undefined) {
      const [x, y] = HANDLES[Number(handle)];
      this.drag = { kind: "resize", sides: { x, y }, marked: false };
      return;
    }
    const index = this.hit(at);
    if (index >= 0) {
      if (index !== this.boxes.selected) this.select(index);
      this.focus();
      this.drag = { kind: "move", from: at, box: [...this.boxes.current.xyxy], marked: false };
    } else {
      this.select(-1);
      this.drag = { kind: "draw", from: at, to: at };
    }
  }

  /** The selected box first, then the smallest: a small one inside a large one must be reachable. */
  hit([x, y]) {
    const inside = ({ xyxy: [x1, y1, x2, y2] }) => x >= x1 && x <= x2 && y >= y1 && y <= y2;
    if (this.boxes.current && inside(this.boxes.current)) return this.boxes.selected;
    const area = (index) => {
      const [x1, y1, x2, y2] = this.boxes.items[index].xyxy;
      return (x2 - x1) * (y2 - y1);
    };
    return this.boxes.items.map((box, i) => (inside(box) ? i : -1)).filter((i) => i >= 0).sort((a, b) => area(a) - area(b))[0] ?? -1;
  }

  move(event) {
    if (!this.drag) return;
    const at = this.place(event);
    if (this.drag.kind === "draw") {
      this.drag.to = at;
      this.draw();
      return;
    }
    if (!this.drag.marked) {
      if (this.drag.kind === "move" && this.pixels(this.drag.from, at) < DRAG_PX) return;
      this.boxes.mark();
      this.drag.marked = true;
    }
    if (this.drag.kind === "resize") this.boxes.resize(this.drag.sides, ...at);
    else this.boxes.move(at[0] - this.drag.from[0], at[1] - this.drag.from[1], this.drag.box);
    this.draw();
  }

  up() {
    const drag = this.drag;
    this.drag = null;
    if (!drag) return;
    if (drag.kind === "draw" && this.pixels(drag.from, drag.to) >= 2 * DRAG_PX) {
      this.boxes.add(this.hooks.chosenClass(), [...drag.from, ...drag.to]);
      this.select(this.boxes.selected);
      this.focus();
    } else if (drag.marked) {
      this.boxes.changed();
    } else {
      this.draw();
    }
  }

  cancel() {
    if (this.drag?.marked) this.boxes.changed();
    this.drag = null;
    this.draw();
  }

  pixels(a, b) {
    const area = this.svg.getBoundingClientRect();
    return Math.hypot((a[0] - b[0]) * area.width, (a[1] - b[1]) * area.height);
  }

  focus() {
    this.svg.querySelector(`[data-box="${this.boxes.selected}"]`)?.focus({ preventScroll: true });
  }

  /** Keys for the selected box; whether one was meant for it. */
  key(event) {
    const box = this.boxes.current;
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!box || !way) return false;
    const [x, y] = [way[0] / this.picture.naturalWidth, way[1] / this.picture.naturalHeight];
    this.boxes.mark();
    if (event.shiftKey) this.boxes.resize({ x: 2, y: 3 }, box.xyxy[2] + x, box.xyxy[3] + y);
    else this.boxes.move(x, y);
    this.boxes.changed();
    this.draw();
    return true;
  }

  draw() {
    const focused = this.svg.contains(document.activeElement);
    const width = this.picture.naturalWidth || 1, height = this.picture.naturalHeight || 1;
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const scale = width / (this.svg.clientWidth || width); // picture pixels per screen pixel
    const drawn = this.boxes.items.map((box, index) => this.box(box, index, width, height, scale));
    if (this.drag?.kind === "draw") drawn.push(rectangle([...this.drag.from, ...this.drag.to], width, height, { class: "draft" }));
    this.svg.replaceChildren(...drawn);
    if (this.boxes.current && !this.frozen) this.svg.append(...this.handles(width, height, scale));
    if (focused && this.boxes.current) this.focus();
  }

  box(box, index, width, height, scale) {
    const colour = classColour(box.class, "picture");
    const chosen = index === this.boxes.selected;
    const [x1, y1] = box.xyxy;
    const size = 12 * scale, text = className(box.class) + (box.crowd ? " ?" : "");
    const label = s("g", { class: "label" },
      s("rect", { x: x1 * width, y: Math.max(0, y1 * height - 17 * scale), width: (text.length * 7 + 8) * scale, height: 17 * scale, rx: 2 * scale }),
      s("text", { x: x1 * width + 4 * scale, y: Math.max(0, y1 * height - 17 * scale) + 13 * scale, "font-size": size, fill: colour }, text));
    const shape = rectangle(box.xyxy, width, height, { stroke: colour, class: chosen ? "box chosen" : "box", "data-box": index, tabindex: this.frozen ? -1 : 0, role: "img", "aria-label": text, ...(box.crowd ? { "stroke-dasharray": "6 4" } : {}) });
    // On a phone the words would cover the objects.
    return s("g", {}, shape, ...(chosen || this.svg.clientWidth > 520 ? [label] : []));
  }

  handles(width, height, scale) {
    return HANDLES.map(([x, y], index) => s("g", { class: "handle" },
      s("circle", { cx: this.boxes.current.xyxy[x] * width, cy: this.boxes.current.xyxy[y] * height, r: 6 * scale }),
      // A finger needs more room than a mouse.
      s("circle", { cx: this.boxes.current.xyxy[x] * width, cy: this.boxes.current.xyxy[y] * height, r: 16 * scale, class: "reach", "data-handle": index })));
  }
}

function rectangle([xa, ya, xb, yb], width, height, more) {
  return s("rect", {
    x: Math.min(xa, xb) * width, y: Math.min(ya, yb) * height, width: Math.abs(xb - xa) * width, height: Math.abs(yb - ya) * height,
    "vector-effect": "non-scaling-stroke", ...more,
  });
}
