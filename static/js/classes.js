// Object classes: their order, words and colours. The colours live in tokens.css.
import { glyph, h, cssColour } from "./dom.js";
import { number } from "./format.js";
import { fill, gettext, ngettext } from "./i18n.js";

export const CLASSES = ["car", "truck", "bus", "motorcycle", "bicycle", "person"];
const VEHICLES = new Set(["car", "truck", "bus", "motorcycle", "bicycle"]);

const WORDS = {
  car: () => gettext("car"),
  truck: () => gettext("truck"),
  bus: () => gettext("bus"),
  motorcycle: () => gettext("motorcycle"),
  bicycle: () => gettext("bicycle"),
  person: () => gettext("person"),
};

export const className = (name) => WORDS[name]?.() ?? name;
export const isVehicle = (name) => VEHICLES.has(name);
export const inOrder = (names) =>
  [...names].sort((a, b) => (CLASSES.indexOf(a) + 1 || 99) - (CLASSES.indexOf(b) + 1 || 99) || a.localeCompare(b));

let colours = new Map();
addEventListener("themechange", () => (colours = new Map()));

/** The colour of a class in charts ("class") or over pictures ("picture"). */
export function classColour(name, where = "class") {
  const token = `--${where}-${CLASSES.includes(name) ? name : "other"}`;
  if (!colours.has(token)) colours.set(token, cssColour(token));
  return colours.get(token);
}

/** Glyph and number of one class, with its word for screen readers. */
export function classKey(name, count = null, withWord = false) {
  return h(
    "span",
    { class: "key", "data-class": name, title: className(name) },
    glyph(CLASSES.includes(name) ? name : "other"),
    withWord ? className(name) : h("span", { class: "unseen" }, className(name)),
    count === null ? null : h("b", {}, number(count)),
  );
}

/** "412 vehicles", "1 person": never a bare figure. */
export const unitWord = (unit, count) =>
  unit === "persons" ? ngettext("person", "persons", count)
    : unit === "visits" ? ngettext("visit", "visits", count)
      : unit === "objects" ? ngettext("object", "objects", count)
        : ngettext("vehicle", "vehicles", count);

/** Of one zone, in words. */
export const visitsToday = (n) => fill(ngettext("%(n)s visit today", "%(n)s visits today", n), { n: number(n) });
