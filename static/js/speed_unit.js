// Speeds are metres per second everywhere but on pages, which show the site's unit.
import { decimal, number } from "./format.js";
import { gettext } from "./i18n.js";

const UNITS = { kmh: { factor: 3.6, word: () => gettext("km/h") }, mph: { factor: 3600 / 1609.344, word: () => gettext("mph") } };
const NONE = "–";

/** What a page does with speeds in the unit that the site names. */
export function speedUnit(name) {
  const { factor, word } = UNITS[name] ?? UNITS.kmh;
  const inUnit = (mps) => mps * factor;
  return {
    word: word(),
    inUnit,
    toMps: (value) => value / factor,
    /** "52 km/h". */
    text: (mps, digits = 0) => (mps === null ? NONE : `${digits ? decimal(inUnit(mps), digits) : number(Math.round(inUnit(mps)))} ${word()}`),
    /** The number alone, for tables that name the unit in their head. */
    figure: (mps, digits = 1) => (mps === null ? NONE : decimal(inUnit(mps), digits)),
  };
}
