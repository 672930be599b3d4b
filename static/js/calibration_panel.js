// Beside the still: how to mark, the known lengths, and the list of marks.
import { METHODS } from "./calibration_methods.js";
import { keyOf } from "./calibration_marks.js";
import { h, icon, setText } from "./dom.js";
import { decimal } from "./format.js";
import { fill, gettext } from "./i18n.js";

/** A field for a number; anything else than one in range is said and changes nothing. `take` shows a new value. */
function numberField({ label, unit = "m", least = -10000, most = 10000, whole = false }, set) {
  const field = h("input", { class: "input", type: "number", inputmode: "decimal", step: whole ? "1" : "any", min: least, max: most,
    "aria-label": label, onchange: () => {
      const given = field.valueAsNumber;
      const fits = Number.isFinite(given) && given >= least && given <= most && (!whole || Number.isInteger(given));
      field.toggleAttribute("aria-invalid", !fits);
      if (fits) set(given);
    } });
  const element = h("label", { class: "measure" }, h("span", {}, label), h("span", { class: "with-unit" }, field, unit ? h("span", { class: "quiet" }, unit) : null));
  return { element, take(value) {
    const text = String(Math.round(value * 1e4) / 1e4);
    // What is being typed is left alone.
    if (field.value === text || document.activeElement === field) return;
    field.value = text;
    field.removeAttribute("aria-invalid");
  } };
}

/** Put children in place only when they differ: a field that stays keeps the focus. */
function place(parent, children) {
  if (children.length === parent.children.length && children.every((child, i) => parent.children[i] === child)) return;
  parent.replaceChildren(...children);
}

export class CalibrationPanel {
  constructor(root, marks) {
    Object.assign(this, { root, marks, residuals: [], built: "", measures: [], kept: new Map() });
    const part = (name) => root.querySelector(`[data-${name}]`);
    this.parts = { methods: part("methods"), about: part("about"), measures: part("measures"), list: part("marks"), more: part("more") };
    this.parts.methods.append(...Object.entries(METHODS).map(([name, method]) => h("label", {},
      h("input", { type: "radio", name: "method", value: name, onchange: () => marks.choose(name) }), method.title())));
    for (const name of ["change", "select", "problems", "load"]) marks.addEventListener(name, () => this.draw());
    this.draw();
  }

  show(residuals) {
    this.residuals = residuals;
    this.draw();
  }

  draw() {
    const { value, method } = this.marks;
    for (const radio of this.parts.methods.querySelectorAll("input")) radio.checked = radio.value === value.method;
    setText(this.parts.about, method.about());
    if (this.built !== value.method) this.build();
    for (const { name, field } of this.measures) field.take(value.measures[name]);
    place(this.parts.list, method.quietList ? this.summary() : this.rows());
    const pressed = [...this.parts.more.children].indexOf(document.activeElement);
    this.parts.more.replaceChildren(...this.buttons());
    this.parts.more.children[pressed]?.focus();
  }

  build() {
    this.built = this.marks.value.method;
    this.kept.clear();
    this.measures = this.marks.method.measures().map((measure) => ({
      name: measure.name, field: numberField({ ...measure, unit: measure.unit ?? "" }, (number) => this.marks.measure(measure.name, number)) }));
    this.parts.measures.replaceChildren(...this.measures.map(({ field }) => field.element));
  }

  summary() {
    const count = this.marks.method.marks(this.marks.value).length;
    const bad = [...new Set(this.marks.notes.values())];
    return [count ? h("li", {}, h("p", { class: "quiet" }, fill(gettext("%(n)s nodes marked"), { n: count }))) : null,
      ...bad.map((words) => h("li", {}, h("p", { class: "small problem", role: "alert" }, words)))].filter(Boolean);
  }

  rows() {
    const { method, value } = this.marks;
    const order = method.marks(value).map(keyOf);
    return value.objects.flatMap((object) => (object.role ? [null] : object.points.map((_, i) => i)).map((point) => {
      const key = keyOf({ id: object.id, point });
      if (!this.kept.has(key)) this.kept.set(key, this.row(object, point));
      this.kept.get(key).take(object, this.residuals[order.indexOf(key)]);
      return this.kept.get(key).element;
    }));
  }

  /** A row that stays the same element while its mark lives; `take` shows what became of it. */
  row(object, point) {
    const { method } = this.marks;
    const { id } = object;
    const key = keyOf({ id, point });
    const words = point === null ? method.name(object) : method.label(object, point);
    const off = h("span", { class: "small quiet numbers" });
    const note = h("p", { class: "small problem", role: "alert", hidden: true });
    const fields = (method.fields?.(object, point ?? 0) ?? []).map(([name, index, label]) => ({
      name, index, field: numberField({ label }, (number) => this.marks.set(id, name, index, number)) }));
    const element = h("li", { onclick: () => this.marks.select(id, point ?? 0) },
      h("b", {}, words), off,
      h("button", { class: "button plain square", type: "button", title: gettext("Remove (Delete)"), "aria-label": fill(gettext("Remove %(name)s"), { name: words }),
        onclick: (event) => {
          event.stopPropagation();
          this.marks.remove({ id, point });
        } }, icon("trash")),
      fields.length ? h("div", { class: "row-fields" }, ...fields.map(({ field }) => field.element)) : null, note);
    const take = (now, residual) => {
      const { selected, notes } = this.marks;
      element.classList.toggle("selected", selected?.id === id && (point === null || selected.point === point));
      setText(off, residual === undefined ? "" : fill(gettext("%(n)s px off"), { n: decimal(residual) }));
      for (const { name, index, field } of fields) field.take(index === null ? now[name] : now[name][index]);
      note.hidden = !notes.has(key);
      setText(note, notes.get(key) ?? "");
    };
    return { element, take };
  }

  /** What the next click begins, where that is a choice. */
  buttons() {
    const { method, value } = this.marks;
    if (method.roles) {
      return method.roles().map(([role, words]) => h("button", { class: "button", type: "button", "aria-pressed": String(method.wanted(value) === role),
        onclick: () => this.marks.next("role", role) }, icon("plus"), words));
    }
    if (value.method !== "marks" || !value.objects.length) return [];
    return [h("button", { class: "button", type: "button", "aria-pressed": String(value.current === null),
      onclick: () => this.marks.next("current", null) }, icon("plus"), gettext("Next line"))];
  }
}
