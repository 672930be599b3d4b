// Which way of each line leads in: a choice per line, kept in the address and in this browser.
import { directionArrow, directionWord } from "./direction.js";
import { h } from "./dom.js";
import { fill, gettext, ngettext } from "./i18n.js";

const KEPT = "people-ways";
const CHOICES = ["forward", "backward", "none"];

const stored = () => {
  try {
    return JSON.parse(localStorage.getItem(KEPT)) ?? {};
  } catch {
    return {}; // storage is off, or holds something else
  }
};

export class Ways {
  /** `given`: "1:door:backward,…" of the address, which goes before what this browser kept. */
  constructor(cameras, given) {
    this.cameras = cameras;
    this.chosen = { ...stored() };
    for (const part of (given ?? "").split(",")) {
      const [camera, line, way] = part.split(":");
      if (CHOICES.includes(way)) this.chosen[`${camera}:${line}`] = way;
    }
  }

  of = (camera, line) => this.chosen[`${camera.id}:${line.id}`] ?? "forward";

  /** For the gateway and the address; "" where every line leads in forward. */
  query(cameras) {
    const all = cameras.flatMap((camera) => camera.lines.map((line) => [`${camera.id}:${line.id}`, this.of(camera, line)]));
    return all.filter(([, way]) => way !== "forward").map((pair) => pair.join(":")).join(",");
  }

  set(key, way) {
    this.chosen[key] = way;
    try {
      localStorage.setItem(KEPT, JSON.stringify(this.chosen));
    } catch { /* the address keeps it */ }
  }

  /** Words for the closed box: how many lines lead in. */
  said(cameras) {
    const used = cameras.flatMap((camera) => camera.lines.filter((line) => this.of(camera, line) !== "none")).length;
    return fill(ngettext("%(n)s line", "%(n)s lines", used), { n: used });
  }

  list(cameras, changed) {
    const several = cameras.length > 1;
    return h("ul", {}, ...cameras.flatMap((camera) => camera.lines.map((line) => {
      const key = `${camera.id}:${line.id}`, way = this.of(camera, line);
      const name = several ? `${camera.name}: ${line.name}` : line.name;
      return h("li", {}, h("span", {}, name), h("span", { class: "segments", role: "group", "aria-label": fill(gettext("Way in over %(line)s"), { line: name }) },
        ...CHOICES.map((choice) => h("button", {
          type: "button", "aria-pressed": String(choice === way),
          onclick: () => {
            this.set(key, choice);
            changed();
          },
        }, ...(choice === "none" ? [gettext("Leave out")] : [directionArrow(choice, [line]), directionWord(choice)])))));
    })));
  }
}
