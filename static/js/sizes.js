// Sizes of files and counts of weights, as the server's pages write them.
import { decimal } from "./format.js";

const scaled = (value, units, plain) => {
  for (const [size, unit] of units) {
    if (value >= size) return `${decimal(value / size, value / size >= 100 ? 0 : value / size >= 10 ? 1 : 2)}\u00a0${unit}`;
  }
  return plain ? `${value}\u00a0${plain}` : String(value);
};

export const bytesText = (value) => scaled(value, [[1e9, "GB"], [1e6, "MB"], [1e3, "kB"]], "B");
export const countText = (value) => scaled(value, [[1e9, "G"], [1e6, "M"], [1e3, "k"]], "");
