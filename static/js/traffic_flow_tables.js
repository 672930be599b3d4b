// Tables of the flow page.
import { binTable, cell, head, table, words } from "./bin_table.js";
import { classKey, inOrder } from "./classes.js";
import { directionWord } from "./direction.js";
import { h } from "./dom.js";
import { dateText, decimal, minuteTime, number } from "./format.js";
import { fill, gettext } from "./i18n.js";
import { speedNumber, unitWord } from "./speed_units.js";
import { directionFlow } from "./traffic_flow_charts.js";

const text = (value) => h("td", {}, value);
const dash = (value, digits = 1) => (value === null ? "–" : decimal(value, digits));

export const flowTable = (bins) => binTable(gettext("Flow by period"),
  [head(gettext("Vehicles")), head(gettext("veh/h")), head(gettext("Forward veh/h")), head(gettext("Backward veh/h")), head(gettext("Car units")), head(gettext("Small")), head(gettext("Large")), head(gettext("Wrong way"))], bins,
  (bin) => [cell(number(bin.count)), cell(number(Math.round(bin.flow_per_h))), cell(number(Math.round(directionFlow(bin, "forward")))), cell(number(Math.round(directionFlow(bin, "backward")))),
    cell(decimal(bin.car_units)), cell(number(bin.small)), cell(number(bin.large)), cell(bin.wrong_way === null ? "–" : number(bin.wrong_way))]);

export const lineTable = (lines, names) => table(gettext("By line and direction"), [
  words(gettext("Line")), words(gettext("Direction")), head(gettext("Vehicles")), head(gettext("veh/h")), head(gettext("Car units")), head(gettext("Wrong way")), head(gettext("Speeds")), head(gettext("of vehicles (%)")),
  head(fill(gettext("Space mean (%(unit)s)"), { unit: unitWord() })), head(gettext("Density (veh/km)")), head(gettext("Line occupied (%)"))],
lines.map((line) => [
  text(names[line.line] ?? line.line), h("td", {}, h("i", { class: `arrow inline ${line.direction}` }), ` ${directionWord(line.direction)}`),
  cell(number(line.count)), cell(line.flow_per_h === null ? "–" : number(Math.round(line.flow_per_h))), cell(decimal(line.car_units)), cell(number(line.wrong_way)),
  cell(number(line.speeds)), cell(line.count ? number(Math.min(100, Math.round((100 * line.speeds) / line.count))) : "–"),
  cell(line.speeds && line.soundness === "refused" ? gettext("too few") : speedNumber(line.space_mean_mps)), cell(dash(line.density_per_km)),
  cell(dash(line.occupancy_percent))]));

export function classTable({ totals, car_units_table }) {
  const names = inOrder(Object.keys(totals.classes));
  return table(gettext("Classes"), [words(gettext("Class")), head(gettext("Vehicles")), words(""), head(gettext("Share (%)")), head(gettext("Factor")), head(gettext("Car units"))],
    names.map((name) => [
      h("td", {}, classKey(name, null, true)), cell(number(totals.classes[name])),
      h("td", { class: "share" }, h("meter", { min: 0, max: 100, value: totals.class_percent[name], "data-class": name, "aria-hidden": "true" })), cell(decimal(totals.class_percent[name])),
      cell(name in car_units_table ? decimal(car_units_table[name]) : gettext("none")),
      cell(name in car_units_table ? decimal(totals.classes[name] * car_units_table[name]) : "–")]));
}

const LENGTHS = { short: () => gettext("short"), medium: () => gettext("medium"), long: () => gettext("long") };
const bounds = ({ from_m, below_m }) => (below_m === null ? fill(gettext("%(from)s m and more"), { from: decimal(from_m) })
  : from_m ? `${decimal(from_m)} – ${decimal(below_m)} m` : fill(gettext("below %(below)s m"), { below: decimal(below_m) }));

export const lengthTable = ({ classes }) => table(gettext("Lengths"), [words(gettext("Length")), words(gettext("Limits")), head(gettext("Vehicles")), words(""), head(gettext("Share (%)"))],
  classes.map((one) => [
    text(LENGTHS[one.name]?.() ?? one.name), h("td", { class: "numbers" }, bounds(one)), cell(number(one.count)),
    h("td", { class: "share" }, h("meter", { min: 0, max: 100, value: one.percent ?? 0, "aria-hidden": "true" })), cell(dash(one.percent))]));

export const headwayTable = ({ counts, width_s, count }) => table(gettext("Headways"), [words(gettext("Seconds")), head(gettext("Headways")), head(gettext("Share (%)"))],
  counts.map((n, k) => [
    h("td", { class: "numbers" }, k === counts.length - 1 ? fill(gettext("%(s)s and more"), { s: decimal(k * width_s) }) : `${decimal(k * width_s)} – ${decimal((k + 1) * width_s)}`),
    cell(number(n)), cell(decimal((100 * n) / count))]));

export const peakTable = (days) => table(gettext("Peak hour of each day"), [words(gettext("Day")), words(gettext("Hour")), head(gettext("Vehicles")), head(gettext("Busiest quarter")), head(gettext("PHF"))],
  days.map((day) => [text(dateText(Date.parse(day.start))), h("td", { class: "numbers" }, `${minuteTime(Date.parse(day.start))}–${minuteTime(Date.parse(day.end))}`),
    cell(number(day.volume)), cell(number(day.busiest_quarter)), cell(dash(day.factor, 2))]));
