// One camera on the live page: picture, counts, the last hour, state.
import { CameraCanvas } from "./camera_canvas.js";
import { classKey, inOrder, unitWord, visitsToday } from "./classes.js";
import { directionArrow, directionWord } from "./direction.js";
import { h, setText } from "./dom.js";
import { decimal, number } from "./format.js";
import { fill, gettext, ngettext } from "./i18n.js";
import { Sparkline } from "./sparkline.js";
import { explain, isTrouble, stateWord } from "./states.js";
import { byDirection, headline, sum } from "./totals.js";

export class Tile {
  constructor(camera) {
    this.camera = camera;
    this.drawnKeys = {};
    const href = `/cameras/${camera.id}/`;
    this.canvas = h("canvas", { role: "img" });
    this.name = h("a", { class: "tile-name", href });
    this.state = h("span", { class: "state" });
    this.curtain = { what: h("b"), when: h("span"), next: h("span") };
    this.curtainBox = h("div", { class: "curtain", hidden: true }, ...Object.values(this.curtain));
    this.today = h("b", { class: "figure numbers" });
    this.unit = h("span");
    this.hour = h("span", { class: "quiet numbers" });
    this.rows = { forward: directionRow("forward"), backward: directionRow("backward") };
    this.zones = h("ul", { class: "tile-zones" });
    this.spark = new Sparkline();
    this.facts = h("p", { class: "tile-facts quiet small numbers" });
    this.grip = h("button", { class: "grip", type: "button", title: gettext("Move: drag, or arrow keys") },
      h("span", { class: "unseen" }));
    this.element = h("li", { class: "tile", "data-camera": camera.id },
      h("div", { class: "tile-picture" }, h("a", { href, tabindex: -1, "aria-hidden": "true" }, this.canvas), this.curtainBox),
      h("div", { class: "tile-head" }, this.name, this.state, this.grip),
      h("div", { class: "tile-body" },
        h("p", { class: "headline" }, this.today, " ", this.unit, this.hour),
        h("div", { class: "directions" }, this.rows.forward.element, this.rows.backward.element), this.zones,
        h("div", { class: "tile-hour" }, this.spark.element), this.facts));
    this.picture = new CameraCanvas(this.canvas, camera);
    this.update();
  }

  update() {
    setText(this.name, this.camera.name);
    setText(this.grip.firstChild, fill(gettext("Move %(name)s"), { name: this.camera.name }));
    this.updateState();
    this.updateCounts();
    this.updateZones();
  }

  updateState() {
    const { state } = this.camera;
    this.state.dataset.state = state.state;
    setText(this.state, stateWord(state.state));
    this.element.dataset.trouble = isTrouble(state.state) ? state.state : "";
    const hide = state.state === "live";
    this.curtainBox.hidden = hide;
    if (!hide) for (const [part, text] of Object.entries(explain(state))) setText(this.curtain[part], text);
    const label = fill(gettext("Picture of %(name)s"), { name: this.camera.name });
    if (this.canvas.getAttribute("aria-label") !== label) this.canvas.setAttribute("aria-label", label);
    const dropped = state.frames_dropped ?? 0;
    setText(this.facts, [
      fill(gettext("%(fps)s frames/s analysed"), { fps: decimal(state.analysed_fps ?? 0) }),
      fill(ngettext("%(n)s dropped", "%(n)s dropped", dropped), { n: number(dropped) }),
      fill(gettext("%(ms)s ms per frame"), { ms: decimal(state.latency_p50_ms ?? 0) }),
    ].join(" · "));
  }

  updateCounts() {
    const { counts } = this.camera;
    const { lines } = this.camera.scene;
    const key = JSON.stringify([counts.today, counts.hour, counts.visits_today, lines]);
    this.spark.show(counts.minutes);
    if (key === this.drawnKeys.counts) return;
    this.drawnKeys.counts = key;
    const { unit, today, hour } = headline(this.camera);
    setText(this.today, number(today));
    setText(this.unit, fill(gettext("%(unit)s today"), { unit: unitWord(unit, today) }));
    setText(this.hour, hour === null ? "" : fill(gettext("%(n)s this hour"), { n: number(hour) }));
    const sums = byDirection(counts.today);
    const hours = byDirection(counts.hour);
    for (const [direction, row] of Object.entries(this.rows)) row.show(sums[direction], sum(hours[direction]), lines);
    this.element.querySelector(".directions").hidden = !lines.length;
  }

  updateZones() {
    const { scene, occupancy, counts } = this.camera;
    const key = JSON.stringify([scene.zones.map((z) => z.name), occupancy, counts.visits_today]);
    if (key === this.drawnKeys.zones) return;
    this.drawnKeys.zones = key;
    this.zones.hidden = !scene.zones.length;
    this.zones.replaceChildren(...scene.zones.slice(0, 3).map((zone) => h("li", {},
      h("span", { class: "zone-name" }, zone.name),
      h("span", { class: "numbers" }, h("b", {}, number(occupancy[zone.id] ?? 0)), ` ${gettext("now")}`),
      h("span", { class: "quiet numbers" }, visitsToday(counts.visits_today?.[zone.id] ?? 0)))));
  }

  remove() {
    this.picture.remove();
    this.element.remove();
  }
}

function directionRow(direction) {
  const total = h("b", { class: "numbers" });
  const keys = h("span", { class: "keys" });
  const hour = h("span", { class: "quiet small numbers" });
  const name = h("span", { class: "way" });
  const element = h("div", { class: "direction" }, name, total, keys, hour);
  const show = (classes, inHour, lines) => {
    name.replaceChildren(directionArrow(direction, lines) ?? "", directionWord(direction));
    setText(total, number(sum(classes)));
    setText(hour, fill(gettext("+%(n)s this hour"), { n: number(inHour) }));
    keys.replaceChildren(...inOrder(Object.keys(classes)).map((name) => classKey(name, classes[name])));
  };
  return { element, show };
}
