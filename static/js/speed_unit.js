// Speeds are stored in m/s; pages show the site's unit.
const PER_MPS = { kmh: 3.6, mph: 3600 / 1609.344 };
const WORDS = { kmh: "km/h", mph: "mph" };

export const unitOf = (name) => (name in WORDS ? name : "kmh");
export const unitText = (unit) => WORDS[unit];
export const toUnit = (mps, unit) => mps * PER_MPS[unit];
export const toMps = (value, unit) => value / PER_MPS[unit];
