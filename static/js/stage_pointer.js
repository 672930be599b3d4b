// Mouse, pen and touch on the stage: drawing lines and zones, dragging points and whole objects.
import { distance } from "./geometry.js";

const NEAR_PX = 16;
const DRAG_PX = 6;

export class StagePointer {
  /** `tools`: {current, set(name), added(module)}. */
  constructor(view, scene, tools) {
    Object.assign(this, { view, scene, tools, drag: null });
    const { svg } = view;
    svg.addEventListener("pointerdown", (event) => this.down(event));
    svg.addEventListener("pointermove", (event) => this.move(event));
    svg.addEventListener("pointerup", (event) => this.up(event));
    svg.addEventListener("pointercancel", () => (this.drag = null));
    svg.addEventListener("dblclick", () => this.finishZone());
  }

  down(event) {
    if (event.button !== 0) return;
    const at = this.view.place(event);
    this.view.svg.setPointerCapture(event.pointerId);
    if (this.draws(event)) {
      this.drawAt(at);
      return;
    }
    const object = event.target.closest("[data-object]")?.dataset.object;
    const flip = event.target.closest("[data-flip]")?.dataset.flip;
    const point = event.target.closest("[data-point]")?.dataset.point;
    const after = event.target.closest("[data-after]")?.dataset.after;
    if (!object) {
      this.scene.select(null);
      return;
    }
    this.drag = { id: object, point: point === undefined ? null : Number(point), from: at, flip, moved: false };
    if (after !== undefined) {
      this.scene.step();
      this.scene.insertPoint(object, Number(after), at);
      this.drag = { ...this.drag, point: Number(after) + 1, moved: true };
    }
    this.scene.select(object, this.drag.point);
    this.focus(object, this.drag.point);
  }

  /** Whether a press draws something new instead of taking hold of what is there. */
  draws() {
    return this.tools.current !== "select";
  }

  focus(id, point) {
    const key = point === null ? id : `${id}/${point}`;
    this.view.svg.querySelector(`[data-key="${key}"]`)?.focus({ preventScroll: true });
  }

  move(event) {
    const at = this.view.place(event);
    if (this.view.draft) {
      this.view.draft.hover = at;
      this.view.draw();
    }
    if (!this.drag) return;
    if (!this.drag.moved) {
      if (this.pixels(at, this.drag.from) < DRAG_PX) return;
      this.drag.moved = true;
      this.scene.step();
    }
    this.scene.move(this.drag.id, this.drag.point, at[0] - this.drag.from[0], at[1] - this.drag.from[1]);
    this.drag.from = at;
  }

  up(event) {
    const { draft } = this.view;
    const at = this.view.place(event);
    // A line may also be drawn in one stroke: press, drag, let go.
    if (draft?.kind === "line" && draft.points.length === 1 && this.pixels(at, draft.points[0]) > 24) this.drawAt(at);
    if (this.drag && !this.drag.moved && this.drag.flip) this.scene.flip(this.drag.flip);
    this.drag = null;
  }

  drawAt(at) {
    const inside = at.map((v) => Math.min(1, Math.max(0, v)));
    const draft = (this.view.draft ??= { kind: this.tools.current, points: [], hover: null });
    if (draft.kind === "zone" && draft.points.length > 2 && this.pixels(inside, draft.points[0]) < NEAR_PX) {
      this.finishZone();
      return;
    }
    const last = draft.points[draft.points.length - 1];
    if (last && this.pixels(inside, last) < DRAG_PX) return;
    draft.points.push(inside);
    if (draft.kind === "line" && draft.points.length === 2) this.finish(draft);
    this.view.draw();
  }

  finishZone() {
    const { draft } = this.view;
    if (draft?.kind === "zone" && draft.points.length > 2) this.finish(draft);
  }

  finish(draft) {
    this.view.draft = null;
    this.tools.added(this.scene.add(draft.kind, draft.points));
    this.tools.set("select");
  }

  cancel() {
    this.view.draft = null;
    this.view.draw();
  }

  pixels(a, b) {
    return distance(this.view.px(a), this.view.px(b));
  }
}
