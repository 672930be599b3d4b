// A recipe as a list of steps with their parameters: add, remove, reorder, change.
import { h, icon } from "./dom.js";
import { gettext } from "./i18n.js";

// Common beginnings; what a step's parameters default to is the step's own affair.
const STARTERS = [
  [gettext("Faster and smaller (int8)"), ["cleanup", "int8"]],
  [gettext("Thinner network"), ["cleanup", "prune", "int8"]],
  [gettext("Everything"), ["cleanup", "prune", "low_rank", "int8"]],
  [gettext("Small to send"), ["cleanup", "pack"]],
];

export class RecipeEditor {
  /** `places`: {list, kinds, starters}; `kinds` as the gateway describes them; `changed()` after each change. */
  constructor(places, kinds, changed) {
    Object.assign(this, { ...places, changed, steps: [], open: null });
    this.known = new Map(kinds.map((kind) => [kind.kind, kind]));
    this.kinds.replaceChildren(...kinds.map((kind) => h("button", { class: "button", type: "button", title: kind.description, onclick: () => this.add(kind.kind) }, icon("plus"), kind.title)));
    this.starters.append(...STARTERS.filter(([, names]) => names.every((name) => this.known.has(name)))
      .map(([words, names]) => h("button", { class: "button", type: "button", onclick: () => this.begin(names) }, words)));
    this.render();
  }

  recipe() {
    return { steps: this.steps.map(({ kind, values }) => ({ kind, ...values })) };
  }

  /** Whether any of its steps looks at stills. */
  usesStills() {
    return this.steps.some(({ kind }) => this.known.get(kind).uses_stills);
  }

  fresh(kind) {
    return { kind, values: Object.fromEntries(this.known.get(kind).parameters.map((p) => [p.name, p.default])) };
  }

  begin(names) {
    this.steps = names.map((name) => this.fresh(name));
    this.update();
  }

  add(kind) {
    this.steps.push(this.fresh(kind));
    this.update();
    this.list.lastElementChild?.querySelector("button, input, select")?.focus({ preventScroll: true });
  }

  move(index, way) {
    const [step] = this.steps.splice(index, 1);
    this.steps.splice(index + way, 0, step);
    this.update();
    this.list.children[index + way]?.querySelector(`[data-way="${way}"]:not([disabled]), [data-way]:not([disabled])`)?.focus();
  }

  remove(index) {
    this.steps.splice(index, 1);
    this.update();
  }

  update() {
    this.render();
    this.changed();
  }

  render() {
    this.list.replaceChildren(...this.steps.map((step, index) => this.step(step, index)));
  }

  step(step, index) {
    const kind = this.known.get(step.kind);
    const tool = (name, words, way, off) => h("button", { class: `button plain square ${way === -1 ? "up" : way === 1 ? "down" : ""}`, type: "button", "aria-label": `${words}: ${kind.title}`, "data-way": way, disabled: off, onclick: () => (way ? this.move(index, way) : this.remove(index)) }, icon(name));
    return h("li", {}, h("header", {}, h("span", { class: "number-mark numbers", "aria-hidden": "true" }, index + 1), h("b", {}, kind.title),
      h("span", { class: "row push" }, tool("back", gettext("Earlier"), -1, index === 0), tool("next", gettext("Later"), 1, index === this.steps.length - 1), tool("close", gettext("Remove"), 0, false))),
    h("p", { class: "quiet small" }, kind.description.replaceAll("``", "")),
    kind.parameters.length ? h("div", { class: "parameters-grid" }, ...kind.parameters.map((parameter) => this.field(step, parameter, index))) : null);
  }

  field(step, parameter, index) {
    const id = `p-${index}-${parameter.name}`;
    const words = parameter.name.replaceAll("_", " ");
    const set = (value) => {
      step.values[parameter.name] = value;
      this.changed();
    };
    const value = step.values[parameter.name];
    if (parameter.type === "boolean") {
      const input = h("input", { type: "checkbox", id, onchange: (event) => set(event.target.checked) });
      input.checked = value;
      return h("label", { class: "check" }, input, h("span", {}, h("b", {}, words), h("span", { class: "quiet small" }, parameter.help)));
    }
    let input;
    if (parameter.type === "choice") {
      input = h("select", { id, onchange: (event) => set(event.target.value) }, ...parameter.choices.map((choice) => h("option", { value: choice }, choice)));
      input.value = value;
    } else {
      const whole = parameter.type === "integer";
      input = h("input", { id, type: "number", min: parameter.min, max: parameter.max, step: whole ? 1 : "any", value: value ?? "", placeholder: parameter.optional ? gettext("not set") : null,
        oninput: (event) => set(event.target.value === "" && parameter.optional ? null : Number(event.target.value)) });
    }
    const limits = parameter.min !== null && parameter.max !== null && parameter.type !== "choice" ? ` (${parameter.min}–${parameter.max})` : "";
    return h("div", { class: "field" }, h("label", { for: id }, words), input, h("p", { class: "help" }, parameter.help + limits));
  }
}
