// Speeds as tables.
import { binTable, cell, head, table, words } from "./bin_table.js";
import { h } from "./dom.js";
import { decimal, number } from "./format.js";
import { fill, gettext } from "./i18n.js";
import { speedNumber, unitWord } from "./speed_units.js";

export function histogramTable({ first_mps, width_mps, counts }) {
  const total = counts.reduce((a, b) => a + b, 0);
  let below = 0;
  return table(gettext("Speeds"), [words(fill(gettext("Speed in %(unit)s"), { unit: unitWord() })), head(gettext("Vehicles")), head(gettext("Share (%)")), head(gettext("Cumulated (%)"))],
    counts.map((n, k) => {
      below += n;
      return [h("td", { class: "numbers" }, `${speedNumber(first_mps + k * width_mps)} – ${speedNumber(first_mps + (k + 1) * width_mps)}`),
        cell(number(n)), cell(decimal((100 * n) / total)), cell(decimal((100 * below) / total))];
    }));
}

const COLUMNS = [["v15_mps", "V15"], ["v50_mps", "V50"], ["v85_mps", "V85"], ["time_mean_mps", () => gettext("Time mean")], ["space_mean_mps", () => gettext("Space mean")]];

export const speedTable = (bins) => binTable(gettext("Speeds by period"),
  [head(gettext("Measured")), ...COLUMNS.map(([, word]) => head(`${typeof word === "string" ? word : word()} (${unitWord()})`))], bins,
  (bin) => [cell(number(bin.count)), ...(bin.soundness === "refused" && bin.count
    ? COLUMNS.map(() => h("td", { class: "number quiet" }, gettext("too few")))
    : COLUMNS.map(([key]) => cell(speedNumber(bin[key]) + (bin.soundness === "few" ? " *" : ""))))]);
