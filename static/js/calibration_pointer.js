// Placing, dragging and nudging marks; a magnifying glass shows the very place.
import { tooNear } from "./calibration_methods.js";
import { StagePointer } from "./stage_pointer.js";
import { toast } from "./toast.js";

const HOLD_PX = 11;

export class CalibrationPointer extends StagePointer {
  /** `hooks`: {ready() → whether there is a still to mark on}. */
  constructor(view, marks, loupe, hooks) {
    super(view, marks, { current: "select", set() {}, added() {} });
    Object.assign(this, { loupe, hooks });
    const { svg } = view;
    // The mark that was pressed keeps the focus, not the stage below it.
    svg.addEventListener("mousedown", (event) => event.preventDefault());
    svg.addEventListener("pointerleave", () => !this.drag && loupe.hide());
    svg.addEventListener("pointerup", (event) => (event.pointerType === "mouse" && this.draws(event)) || loupe.hide());
    svg.addEventListener("focusout", () => loupe.hide());
    svg.addEventListener("focusin", (event) => this.taken(event.target.closest("[data-point]")));
  }

  draws(event) {
    if (this.scene.method.complete(this.scene.value)) return false;
    const handle = event.target.closest("[data-point]");
    const mark = handle && this.scene.find(handle.closest("[data-object]").dataset.object)?.points[Number(handle.dataset.point)];
    // Where lines may share an end, a press takes hold and only a release in place sets the next one there.
    if (mark && this.scene.method.shares) return false;
    // Far marks lie close together: only the inner part of a handle is taken hold of while placing.
    return (!mark || this.pixels(this.view.place(event), mark) > HOLD_PX) && this.hooks.ready();
  }

  drawAt(at, shared = false) {
    const inside = at.map((v) => Math.min(1, Math.max(0, v)));
    const near = !shared && tooNear(this.scene.value, inside, [this.view.size.width, this.view.size.height]);
    if (near) {
      toast(near);
      return;
    }
    this.scene.place(inside);
    const { id, point } = this.scene.selected;
    this.focus(id, point);
    // Held down, a new mark can be moved at once: its first place is part of the same step back.
    this.drag = { id, point, from: inside, moved: true };
    this.loupe.show(inside);
  }

  move(event) {
    super.move(event);
    const at = this.view.place(event);
    if (this.drag || (event.pointerType === "mouse" && this.draws(event))) this.loupe.show(this.drag ? this.held() : at);
    else this.loupe.hide();
  }

  up(event) {
    const { drag } = this;
    super.up(event);
    if (!drag || drag.moved) return;
    const { method, value } = this.scene;
    if (method.shares && !method.complete(value) && drag.point !== null) this.drawAt(this.scene.find(drag.id).points[drag.point], true);
    else this.scene.accept(drag.id);
    this.drag = null;
  }

  held() {
    return this.scene.find(this.drag.id)?.points[this.drag.point] ?? this.drag.from;
  }

  taken(handle) {
    if (!handle) return;
    const id = handle.closest("[data-object]").dataset.object, point = Number(handle.dataset.point);
    this.scene.select(id, point);
  }

  /** By keyboard a mark begins beside the last one, or in the middle, and is moved from there. */
  placeByKey() {
    if (this.scene.method.complete(this.scene.value) || !this.hooks.ready()) return;
    const last = this.scene.selected && this.scene.find(this.scene.selected.id)?.points[this.scene.selected.point];
    this.scene.place(last ? [Math.min(0.97, last[0] + 0.05), last[1]] : [0.5, 0.6]);
    const { id, point } = this.scene.selected;
    this.focus(id, point);
  }
}
