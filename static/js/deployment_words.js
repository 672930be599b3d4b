// Targets, states and figures of deployments in words.
import { decimal, number, since } from "./format.js";
import { fill, gettext, ngettext } from "./i18n.js";
import { readJson } from "./dom.js";

const MODULES = readJson("modules", {});

// A state has a word and a shape; the shapes are those of cameras.
const STATES = {
  trial: [gettext("On trial"), "connecting"],
  active: [gettext("Active"), "live"],
  replaced: [gettext("Replaced"), "ended"],
  rolled_back: [gettext("Rolled back"), "failed"],
};

export const stateOf = (deployment) => STATES[deployment.state] ?? [deployment.state, "ended"];

export const isMotion = (name) => name === "motion";
export const detectorWord = (name) => (isMotion(name) ? gettext("Motion (built in)") : name);

/** What a deployment or a target is for, as a title. */
export function placeWord({ target, module, alias, place }) {
  if (target === "gateway") return gettext("Gateway default");
  if (target === "module") return MODULES[module] ?? module;
  return alias || place || "";
}

/** Whose choice a camera's detector is. */
export function choiceWord(camera) {
  if (camera.by === "camera") return gettext("Its own choice");
  if (camera.by === "module") return fill(gettext("As %(module)s"), { module: MODULES[camera.module] ?? camera.module });
  return gettext("As the gateway");
}

export const camerasWord = (count) => fill(ngettext("%(n)s camera", "%(n)s cameras", count), { n: number(count) });

export const byWord = (who) => who || gettext("the gateway");

/** "since 14:03 by olga" */
export const sinceBy = (at, who) => fill(gettext("since %(time)s by %(who)s"), { time: since(at), who: byWord(who) });

export const milliseconds = (value) => decimal(value, value < 10 ? 1 : 0);
export const latencyWord = (p50, p95) =>
  fill(gettext("%(p50)s ms, 95 %% below %(p95)s ms").replace("%%", "%"), { p50: milliseconds(p50), p95: milliseconds(p95) });
