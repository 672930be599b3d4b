// What may be driven across a counting line: its directions, and the speed limit in the site's unit.
import { h } from "./dom.js";
import { fill, gettext } from "./i18n.js";
import { speedUnit } from "./speed_unit.js";

const LEAST_MPS = 0.5, MOST_MPS = 100;
const WAYS = { "": () => gettext("Both directions"), forward: () => gettext("Forward only"), backward: () => gettext("Backward only") };

/** Two fields of the selected line. `scene`: the document; `unit`: "kmh" or "mph". */
export function lineRules(scene, line, unit) {
  const shown = speedUnit(unit);
  const ways = h("select", { class: "input", "data-name": `${line.id}/one_way`, "aria-label": fill(gettext("Allowed direction across %(name)s"), { name: line.name }),
    onchange: () => scene.setRule(line.id, "one_way", ways.value) },
  ...Object.entries(WAYS).map(([value, words]) => h("option", { value, selected: (line.one_way ?? "") === value }, words())));
  const known = line.speed_limit_mps ?? null;
  const limit = h("input", { class: "input", type: "number", inputmode: "decimal", min: 1, step: "any", placeholder: gettext("none"),
    value: known === null ? "" : String(Math.round(shown.inUnit(known) * 10) / 10), "data-name": `${line.id}/speed_limit_mps`,
    "aria-label": fill(gettext("Speed limit at %(name)s"), { name: line.name }), onchange: () => {
      const given = limit.value === "" && !limit.validity.badInput ? null : shown.toMps(limit.valueAsNumber);
      const fits = given === null || (given >= LEAST_MPS && given <= MOST_MPS);
      problem.hidden = fits;
      limit.toggleAttribute("aria-invalid", !fits);
      if (fits) scene.setRule(line.id, "speed_limit_mps", given);
    } });
  const problem = h("p", { class: "small problem", role: "alert", hidden: true }, fill(gettext("Enter a limit from %(least)s to %(most)s %(unit)s, or nothing."), {
    least: Math.ceil(shown.inUnit(LEAST_MPS)), most: Math.floor(shown.inUnit(MOST_MPS)), unit: shown.word }));
  return h("div", { class: "line-rules" },
    h("label", {}, h("span", {}, gettext("Allowed")), ways),
    h("label", {}, h("span", {}, gettext("Speed limit")), h("span", { class: "with-unit" }, limit, h("span", { class: "quiet" }, shown.word))), problem);
}
