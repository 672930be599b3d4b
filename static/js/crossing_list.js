// The newest crossings of a camera, newest first; never more than a screenful.
import { CLASSES, className } from "./classes.js";
import { glyph, h } from "./dom.js";
import { clockTime, moment } from "./format.js";
import { gettext } from "./i18n.js";

const MOST = 12;

export class CrossingList {
  constructor(list, empty, recent) {
    this.list = list;
    this.empty = empty;
    this.names = new Map();
    this.items = recent.slice(0, MOST);
    this.show();
  }

  name(lines) {
    this.names = new Map(lines.map((line) => [line.id, line.name]));
    this.show();
  }

  add(crossing) {
    this.items.unshift(crossing);
    this.items.length = Math.min(this.items.length, MOST);
    this.show();
  }

  show() {
    this.empty.hidden = this.items.length > 0;
    this.list.replaceChildren(...this.items.map((item) => h("li", { "data-class": item.class },
      h("i", { class: `arrow ${item.direction}`, title: item.direction === "forward" ? gettext("Forward") : gettext("Backward") }),
      h("span", { class: "key" }, glyph(CLASSES.includes(item.class) ? item.class : "other"), className(item.class)),
      h("span", { class: "where" }, this.names.get(item.line) ?? item.line),
      h("time", { class: "quiet" }, clockTime(moment(item.t))))));
  }
}
