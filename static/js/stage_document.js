// A document that is edited on a stage: undo, redo and selection, whatever is drawn.
const MOST_UNDO = 100;

export const copy = (value) => JSON.parse(JSON.stringify(value));
export const clamp = (v) => Math.min(1, Math.max(0, Math.round(v * 1e5) / 1e5));

/** Fires "change" (the document differs), "select", "problems" and "load". Subclasses keep their content in `value`. */
export class StageDocument extends EventTarget {
  constructor() {
    super();
    this.past = [];
    this.future = [];
    this.selected = null; // {id, point} where point is an index or null
  }

  /** Begin with other content: nothing to undo, nothing selected. */
  restart(value) {
    this.value = copy(value);
    this.past = [];
    this.future = [];
    this.selected = null;
    this.dispatchEvent(new Event("load"));
  }

  /** Remember the content before a change; moves of one drag or one key press share one step. */
  step() {
    this.past.push(copy(this.value));
    if (this.past.length > MOST_UNDO) this.past.shift();
    this.future = [];
  }

  changed() {
    this.dispatchEvent(new Event("change"));
  }

  select(id, point = null) {
    if (this.selected?.id === id && this.selected?.point === point) return;
    this.selected = id ? { id, point } : null;
    this.dispatchEvent(new Event("select"));
  }

  undo() {
    this.travel(this.past, this.future);
  }

  redo() {
    this.travel(this.future, this.past);
  }

  travel(from, to) {
    if (!from.length) return;
    to.push(copy(this.value));
    this.value = from.pop();
    if (this.selected && !this.find(this.selected.id)) this.selected = null;
    this.changed();
  }
}
