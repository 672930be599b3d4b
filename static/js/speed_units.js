// Speeds as the site wants them: metres per second from the gateway, km/h or mph on pages.
import { readJson } from "./dom.js";
import { decimal, number } from "./format.js";
import { gettext } from "./i18n.js";

const UNITS = { kmh: { factor: 3.6, word: () => gettext("km/h") }, mph: { factor: 3600 / 1609.344, word: () => gettext("mph") } };
const unit = UNITS[readJson("unit", { speed: "kmh" }).speed] ?? UNITS.kmh;

export const unitWord = () => unit.word();
export const inUnit = (mps) => mps * unit.factor;

/** "52 km/h"; "–" where there is none. */
export const speedText = (mps, digits = 0) => (mps === null ? "–" : `${digits ? decimal(inUnit(mps), digits) : number(Math.round(inUnit(mps)))} ${unitWord()}`);

/** The number alone, for tables that name the unit in their head. */
export const speedNumber = (mps, digits = 1) => (mps === null ? "–" : decimal(inUnit(mps), digits));
