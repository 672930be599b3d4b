// What is marked on the still: a document with undo, in the terms of one method.
import { METHODS } from "./calibration_methods.js";
import { clamp, StageDocument } from "./stage_document.js";

const empty = (method) => ({
  method, objects: [], measures: Object.fromEntries(METHODS[method].measures().map(({ name, initial }) => [name, initial])),
});

export class CalibrationMarks extends StageDocument {
  constructor(document_) {
    super();
    this.notes = new Map(); // key of a mark → what is wrong with it
    this.load(document_);
  }

  /** The stored document, or null for a camera that is not calibrated. */
  load(document_) {
    const method = document_?.method ?? "rectangle";
    this.notes.clear();
    this.restart(document_ ? { method, ...METHODS[method].read(document_) } : empty(method));
  }

  get method() {
    return METHODS[this.value.method];
  }

  get objects() {
    return this.value.objects.map((object) => ({ kind: "mark", name: this.nameOf(object), ...object }));
  }

  nameOf(object) {
    return this.method.name?.(object) ?? this.method.label(object, 0);
  }

  find(id) {
    return this.value.objects.find((object) => object.id === id) ?? null;
  }

  kindOf() {
    return "mark";
  }

  problems() {
    return this.notes;
  }

  changed() {
    this.notes.clear();
    super.changed();
  }

  choose(method) {
    if (method === this.value.method) return;
    this.step();
    this.value = empty(method);
    this.selected = null;
    this.changed();
  }

  clear() {
    if (!this.value.objects.length) return;
    this.step();
    this.value.objects = [];
    this.selected = null;
    this.changed();
  }

  place(at) {
    this.step();
    this.selected = this.method.place(this.value, at.map(clamp));
    this.changed();
  }

  move(id, point, dx, dy) {
    const object = this.find(id);
    if (!object || point === null) return;
    const [x, y] = object.points[point];
    object.points[point] = [clamp(x + dx), clamp(y + dy)];
    this.method.touched?.(this.value, object);
    this.changed();
  }

  /** A press on a mark that did not move it: a suggested one is right as it lies. */
  accept(id) {
    const object = this.find(id);
    if (!this.method.touched || object.set !== false) return;
    this.step();
    this.method.touched(this.value, object);
    this.changed();
  }

  remove({ id, point }) {
    const object = this.find(id);
    if (!object) return;
    this.step();
    this.method.remove(this.value, object, point);
    this.selected = null;
    this.changed();
  }

  /** A length of the whole method, such as the width of the rectangle. */
  measure(name, number) {
    if (this.value.measures[name] === number) return;
    this.step();
    const before = { ...this.value.measures };
    this.value.measures[name] = number;
    this.method.remeasure?.(this.value, name, before);
    this.changed();
  }

  /** A length of one mark. */
  set(id, name, index, number) {
    const object = this.find(id);
    if ((index === null ? object[name] : object[name][index]) === number) return;
    this.step();
    if (index === null) object[name] = number;
    else object[name][index] = number;
    this.changed();
  }

  /** What the next click begins: another line of dashes, or a segment of this role. */
  next(key, choice) {
    this.value[key] = choice;
    this.dispatchEvent(new Event("problems"));
  }

  /** The document to send, or null while marks are missing. `frame`: [width, height] of the still in px. */
  document(frame) {
    const written = this.method.write(this.value);
    return written && frame ? { version: 1, method: this.value.method, frame, ...written } : null;
  }

  /** What the server says of marks: [{marks: [index], what}]. */
  note(notes) {
    const keys = this.method.marks(this.value);
    this.notes.clear();
    for (const { marks, what } of notes) {
      for (const index of marks) if (keys[index]) this.notes.set(keyOf(keys[index]), what);
    }
    this.dispatchEvent(new Event("problems"));
  }
}

export const keyOf = ({ id, point }) => (point === null ? id : `${id}/${point}`);
