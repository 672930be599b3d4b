// The newest crossings of a camera, newest first; never more than a screenful.
import { CLASSES, className } from "./classes.js";
import { directionArrow, directionWord } from "./direction.js";
import { glyph, h } from "./dom.js";
import { clockTime, moment } from "./format.js";

const MOST = 12;

export class CrossingList {
  constructor(list, empty, recent) {
    this.list = list;
    this.empty = empty;
    this.lines = new Map();
    this.items = recent.slice(0, MOST);
    this.show();
  }

  name(lines) {
    this.lines = new Map(lines.map((line) => [line.id, line]));
    this.show();
  }

  add(crossing) {
    this.items.unshift(crossing);
    this.items.length = Math.min(this.items.length, MOST);
    this.show();
  }

  /** Which way it went on the picture; a line that was deleted meanwhile has only a word. */
  arrow(item) {
    const line = this.lines.get(item.line);
    return (line && directionArrow(item.direction, [line])) ?? h("span", { class: "quiet small" }, directionWord(item.direction));
  }

  show() {
    this.empty.hidden = this.items.length > 0;
    this.list.replaceChildren(...this.items.map((item) => h("li", { "data-class": item.class },
      this.arrow(item),
      h("span", { class: "key" }, glyph(CLASSES.includes(item.class) ? item.class : "other"), className(item.class)),
      h("span", { class: "where" }, this.lines.get(item.line)?.name ?? item.line),
      h("time", { class: "quiet" }, clockTime(moment(item.t))))));
  }
}
