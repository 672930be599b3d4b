// The list beside the picture: names edited in place, what each object counts, what is wrong with it.
import { h, icon, setText } from "./dom.js";
import { number } from "./format.js";
import { fill, gettext } from "./i18n.js";
import { lineRules } from "./scene_rules.js";
import { sum } from "./totals.js";

export class SceneList {
  /** `unit`: of speeds, "kmh" or "mph". */
  constructor(list, empty, scene, unit) {
    Object.assign(this, { list, empty, scene, unit, key: "", counts: {}, occupancy: {} });
    for (const name of ["change", "select", "problems", "load"]) scene.addEventListener(name, () => this.draw());
    this.draw();
  }

  /** New numbers from the live socket. */
  show(camera) {
    this.counts = camera.counts.today ?? {};
    this.occupancy = camera.occupancy;
    for (const row of this.list.children) setText(row.querySelector("[data-count]"), this.words(row.dataset.id, row.dataset.kind));
  }

  words(id, kind) {
    if (kind === "zone") return fill(gettext("%(n)s inside now"), { n: number(this.occupancy[id] ?? 0) });
    const counted = this.counts[id] ?? {};
    return fill(gettext("%(forward)s forward, %(backward)s backward today"), {
      forward: number(sum(counted.forward)), backward: number(sum(counted.backward)) });
  }

  draw() {
    const problems = this.scene.problems();
    const key = JSON.stringify([this.scene.objects.map(({ id, name, kind, one_way, speed_limit_mps }) => [id, name, kind, one_way, speed_limit_mps]), this.scene.selected?.id, [...problems]]);
    if (key === this.key) return;
    this.key = key;
    const focused = document.activeElement?.dataset?.name;
    this.empty.hidden = this.scene.objects.length > 0;
    this.list.replaceChildren(...this.scene.objects.map((object) => this.row(object, problems.get(object.id))));
    if (focused) this.list.querySelector(`[data-name="${focused}"]`)?.focus();
  }

  row(object, problem) {
    const { id, name, kind } = object;
    const select = () => this.scene.select(id);
    return h("li", { class: this.scene.selected?.id === id ? "selected" : "", "data-id": id, "data-kind": kind, onclick: select },
      icon(kind),
      h("div", {},
        h("input", { class: "name-input", value: name, maxlength: 80, "data-name": id, "aria-label": fill(gettext("Name of %(name)s"), { name }),
          onfocus: select, onchange: (event) => this.scene.rename(id, event.target.value),
          onkeydown: (event) => event.key === "Enter" && event.target.blur() }),
        h("p", { class: "small quiet numbers", "data-count": true }, this.words(id, kind)),
        problem ? h("p", { class: "small problem", role: "alert" }, problem) : null),
      kind === "line" ? h("button", { class: "button plain square", type: "button", title: gettext("Turn round (F)"),
        "aria-label": fill(gettext("Turn round the direction of %(name)s"), { name }), onclick: () => this.scene.flip(id) }, icon("flip")) : h("span"),
      h("button", { class: "button plain square", type: "button", title: gettext("Remove (Delete)"),
        "aria-label": fill(gettext("Remove %(name)s"), { name }), onclick: (event) => {
          event.stopPropagation();
          this.scene.remove({ id, point: null });
        } }, icon("trash")),
      kind === "line" && this.scene.selected?.id === id ? lineRules(this.scene, object, this.unit) : null);
  }
}
