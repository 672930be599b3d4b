// Marks, the road grid that they give, its horizon and the counting lines, drawn over the still.
import { s } from "./dom.js";
import { decimal, number } from "./format.js";
import { middle } from "./geometry.js";
import { fill, gettext } from "./i18n.js";
import { StageView } from "./stage_view.js";

const path = (points, closed = false) => `M${points.map((p) => p.map((v) => v.toFixed(1)).join(" ")).join("L")}${closed ? "Z" : ""}`;

export class CalibrationView extends StageView {
  /** `lines`: the counting lines of the camera's scene; `frozen`: only to be looked at. */
  constructor(svg, marks, lines, frozen) {
    super(svg, marks);
    Object.assign(this, { lines, frozen, figures: null, showGrid: true });
  }

  show(figures) {
    this.figures = figures;
    this.draw();
  }

  ground() {
    const grid = this.showGrid ? (this.figures?.grid ?? []) : [];
    return [
      ...grid.map(({ axis, ends }) => s("path", { class: `grid grid-${axis}`, d: path(ends.map((p) => this.px(p))) })),
      ...(this.showGrid ? this.distances(grid) : []),
      ...this.horizon(),
      ...this.lines.map((line) => this.countingLine(line)),
      ...(this.scene.method.edges?.(this.scene.value) ?? []).map((ends) => s("path", { class: "edge", d: path(ends.map((p) => this.px(p))) })),
    ];
  }

  /** Metres ahead, at the left end of each line across the road as far as they do not touch. */
  distances(grid) {
    let lowest = Infinity;
    return grid.filter(({ axis }) => axis === "y").map(({ at_m, ends }) => {
      const [x, y] = this.px(ends[0][0] < ends[1][0] ? ends[0] : ends[1]);
      if (x < 0 || y < 12 || x > this.size.width || y > this.size.height || lowest - y < 16) return null;
      lowest = y;
      return this.words("distance", `${number(at_m)} m`, [x + 4, y - 4]);
    }).filter(Boolean);
  }

  horizon() {
    const ends = this.figures?.horizon?.map((p) => this.px(p));
    if (!ends || ends.every(([, y]) => y < 0 || y > this.size.height)) return [];
    return [s("path", { class: "horizon", d: path(ends) }), this.words("distance", gettext("Horizon"), [8, Math.max(14, ends[0][1] - 6)])];
  }

  countingLine(line) {
    const ends = line.points.map((p) => this.px(p));
    const found = this.figures?.lines.find((other) => other.line === line.id);
    const text = !found ? line.name : found.speed_error_percent === null ? fill(gettext("%(line)s: no speed"), { line: line.name })
      : `${line.name} ±${decimal(found.speed_error_percent)} %`;
    return s("g", { class: "counting" }, s("path", { class: "under", d: path(ends) }), s("path", { class: "over", d: path(ends) }),
      this.words("name", text, ends[0][0] < ends[1][0] ? [ends[0][0] + 6, ends[0][1] - 8] : [ends[1][0] + 6, ends[1][1] - 8]));
  }

  words(name, text, [x, y]) {
    const element = s("text", { class: name, x: Math.max(4, Math.min(this.size.width - 8 * text.length, x)).toFixed(1), y: y.toFixed(1) });
    element.textContent = text;
    return element;
  }

  object(object) {
    const points = object.points.map((p) => this.px(p));
    const { method, notes } = this.scene;
    const wrong = notes.has(object.id);
    const group = s("g", { class: `mark ${object.role ?? ""}${this.isSelected(object.id) ? " selected" : ""}${wrong ? " wrong" : ""}${object.set === false ? " suggested" : ""}`, "data-object": object.id });
    if (!object.node && (method.closed || method.open) && points.length > 1) {
      const d = path(points, method.closed && points.length > 3);
      group.append(s("path", { class: "under", d }), s("path", { class: "over", d }));
    }
    points.forEach((point, i) => group.append(this.handle(object, point, i), ...this.badge(object, point, i)));
    if (wrong && points.length > 1) group.append(this.words("note", notes.get(object.id), middle(points.slice(0, 2))));
    return group;
  }

  handle(object, point, i) {
    const handle = super.handle(object, point, i);
    const name = this.scene.method.label(object, i) || object.name || this.scene.method.title();
    handle.setAttribute("aria-label", fill(gettext("%(name)s: arrow keys move it, Delete removes it"), { name }));
    handle.classList.toggle("wrong", this.scene.notes.has(`${object.id}/${i}`));
    if (this.frozen) handle.removeAttribute("tabindex");
    handle.querySelector(".dot").setAttribute("r", object.node ? 4 : 5);
    // The very place is the middle of a cross: a dot would cover it.
    handle.append(s("path", { class: "cross", d: "M-12 0H-3M3 0H12M0-12V-3M0 3V12" }));
    return handle;
  }

  badge(object, [x, y], i) {
    const words = this.scene.method.label(object, i);
    if (!words) return [];
    // Lines may share their ends: a name stands at the middle of its line. A small still has room for numbers only.
    if (object.role && object.points.length > 1) [x, y] = middle(object.points.map((p) => this.px(p)));
    const text = this.size.width < 600 && !object.role ? words.split(" ")[0] : words;
    return [this.words("name", text, [x + 12, y + 18])];
  }
}
