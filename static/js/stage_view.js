// The scene as SVG over the picture: lines with their arrow, zones, handles; drawn from the document.
import { s } from "./dom.js";
import { centroid, forwardNormal, middle } from "./geometry.js";
import { fill, gettext } from "./i18n.js";

const ARROW = 34;

export class StageView {
  constructor(svg, scene) {
    this.svg = svg;
    this.scene = scene;
    this.size = { width: 1, height: 1 };
    this.draft = null; // {kind, points, hover} while something is drawn
    new ResizeObserver(([entry]) => {
      this.size = entry.contentRect;
      this.draw();
    }).observe(svg);
    for (const name of ["change", "select", "problems", "load"]) scene.addEventListener(name, () => this.draw());
  }

  px([x, y]) {
    return [x * this.size.width, y * this.size.height];
  }

  /** The place of a pointer in 0–1 of the picture. */
  place(event) {
    const box = this.svg.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  }

  draw() {
    const focused = document.activeElement?.closest?.("[data-key]")?.dataset.key;
    const problems = this.scene.problems();
    const shapes = this.scene.objects
      .sort((a, b) => this.isSelected(a.id) - this.isSelected(b.id))
      .map((object) => this.object(object, problems.get(object.id)));
    this.svg.replaceChildren(...this.ground(), ...shapes, ...this.draftShapes());
    if (focused) this.svg.querySelector(`[data-key="${focused}"]`)?.focus({ preventScroll: true });
  }

  /** Shapes under all objects; none in a scene. */
  ground() {
    return [];
  }

  isSelected(id) {
    return this.scene.selected?.id === id;
  }

  object(object, problem) {
    const points = object.points.map((p) => this.px(p));
    const selected = this.isSelected(object.id);
    const state = `${selected ? " selected" : ""}${problem ? " wrong" : ""}`;
    const path = `M${points.map((p) => p.map((v) => v.toFixed(1)).join(" ")).join("L")}${object.kind === "zone" ? "Z" : ""}`;
    const shape = (name) => s("path", { class: name, d: path });
    const group = s("g", { class: `${object.kind}${state}`, "data-object": object.id },
      shape("hit"), shape("under"), shape("over"));
    group.firstChild.setAttribute("tabindex", "0");
    group.firstChild.setAttribute("role", "button");
    group.firstChild.setAttribute("data-key", object.id);
    group.firstChild.setAttribute("aria-label", fill(gettext("%(name)s: arrow keys move it, Delete removes it"), { name: object.name }));
    if (object.kind === "line") group.append(this.arrow(object, points));
    group.append(this.label(object, points));
    if (selected) group.append(...this.handles(object, points));
    return group;
  }

  arrow(object, points) {
    const [x, y] = middle(points);
    const [nx, ny] = forwardNormal(points);
    const turn = (Math.atan2(ny, nx) * 180) / Math.PI;
    return s("g", { class: "arrow-handle", "data-flip": object.id, "data-key": `${object.id}/flip`, tabindex: "0", role: "button",
      "aria-label": fill(gettext("Turn round the direction of %(name)s"), { name: object.name }),
      transform: `translate(${x.toFixed(1)} ${y.toFixed(1)}) rotate(${turn.toFixed(1)})` },
    s("circle", { class: "arrow-ground", cx: ARROW / 2 + 4, r: 20 }),
    s("path", { class: "under", d: `M0 0H${ARROW}m-10-8 10 8-10 8` }),
    s("path", { class: "over", d: `M0 0H${ARROW}m-10-8 10 8-10 8` }));
  }

  label(object, points) {
    const [x, y] = object.kind === "zone" ? centroid(points) : points[0][0] < points[1][0] ? points[0] : points[1];
    const text = s("text", { class: "name", x: Math.min(this.size.width - 60, Math.max(8, x + (object.kind === "zone" ? -24 : 8))).toFixed(1),
      y: Math.max(18, y + (object.kind === "zone" ? 4 : -12)).toFixed(1) });
    text.textContent = object.name;
    return text;
  }

  handles(object, points) {
    const corners = points.map((point, i) => this.handle(object, point, i));
    if (object.kind !== "zone") return corners;
    const between = points.map((p, i) => {
      const [x, y] = middle([p, points[(i + 1) % points.length]]);
      return s("g", { class: "between", "data-after": i, transform: `translate(${x.toFixed(1)} ${y.toFixed(1)})` },
        s("circle", { class: "touch", r: 14 }), s("circle", { class: "dot", r: 4 }));
    });
    return [...between, ...corners];
  }

  handle(object, [x, y], i) {
    const chosen = this.isSelected(object.id) && this.scene.selected.point === i;
    return s("g", { class: `handle${chosen ? " chosen" : ""}`, "data-point": i, "data-key": `${object.id}/${i}`, tabindex: "0", role: "button",
      transform: `translate(${x.toFixed(1)} ${y.toFixed(1)})`,
      "aria-label": fill(gettext("Point %(n)s of %(name)s: arrow keys move it"), { n: i + 1, name: object.name }) },
    s("circle", { class: "touch", r: 22 }), s("circle", { class: "dot", r: 7 }));
  }

  draftShapes() {
    if (!this.draft) return [];
    const points = [...this.draft.points, ...(this.draft.hover ? [this.draft.hover] : [])].map((p) => this.px(p));
    const path = points.length ? `M${points.map((p) => p.map((v) => v.toFixed(1)).join(" ")).join("L")}` : "";
    return [
      s("path", { class: "draft under", d: path }), s("path", { class: "draft over", d: path }),
      ...this.draft.points.map((p, i) => {
        const [cx, cy] = this.px(p);
        return s("circle", { class: `draft-point${i === 0 && this.draft.points.length > 2 ? " close" : ""}`, cx, cy, r: i === 0 && this.draft.points.length > 2 ? 9 : 5 });
      }),
    ];
  }
}
