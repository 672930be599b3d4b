// Speeds on a page that carries the site's unit.
import { readJson } from "./dom.js";
import { speedUnit } from "./speed_unit.js";

const unit = speedUnit(readJson("unit", { speed: "kmh" }).speed);

export const { inUnit, text: speedText, figure: speedNumber } = unit;
export const unitWord = () => unit.word;
