// A row of the lists of targets and cameras: what serves there, since when, how well, and what can be done.
import { h, icon, setText } from "./dom.js";
import { decimal, number, since } from "./format.js";
import { fill, gettext, ngettext } from "./i18n.js";
import { camerasWord, choiceWord, detectorWord, isMotion, milliseconds, placeWord, sinceBy, stateOf } from "./deployment_words.js";
import { shadowReport, updateShadow } from "./deployment_shadow.js";

/** Keeps a list in step with its entries: unchanged rows stay as they are, focus stays where it was. */
export class ServiceList {
  constructor(list, make) {
    this.list = list;
    this.make = make;
    this.rows = new Map();
  }

  show(entries) {
    const rows = new Map();
    for (const [key, entry, words] of entries) {
      const drawn = JSON.stringify(words);
      let row = this.rows.get(key);
      if (row?.drawn !== drawn) {
        const element = this.make(entry);
        const focused = row?.element.contains(document.activeElement) ? document.activeElement.dataset.act : null;
        row?.element.replaceWith(element);
        row = { element, drawn };
        if (focused) element.querySelector(`[data-act="${focused}"]`)?.focus();
      }
      rows.set(key, row);
    }
    for (const [key, row] of this.rows) if (!rows.has(key)) row.element.remove();
    this.rows = rows;
    let last = null;
    for (const { element } of rows.values()) {
      const place = last ? last.nextSibling : this.list.firstChild;
      if (place !== element) this.list.insertBefore(element, place);
      last = element;
    }
  }

  element(key) {
    return this.rows.get(key)?.element;
  }
}

const act = (name, words, onclick, { glyph, tone = "plain" } = {}) =>
  h("button", { class: `button ${tone}`, type: "button", "data-act": name, onclick }, glyph ? icon(glyph) : null, words);

/** A row for the gateway, a sensing module or an alias. */
export function targetRow(entry, may, on) {
  const { target, chosen, cameras, deployment } = entry;
  const follows = target === "module" && !chosen;
  return h("li", { class: "service" },
    h("div", { class: "service-name" }, h("b", {}, placeWord(entry)), h("span", { class: "quiet small" }, cameras.length
      ? fill(gettext("decides for %(cameras)s"), { cameras: camerasWord(cameras.length) }) : gettext("decides for no camera"))),
    follows ? h("div", { class: "service-version quiet" }, gettext("As the gateway")) : versionOf(entry),
    stateOfRow(entry, follows),
    h("div", { class: "service-figures" }),
    h("div", { class: "service-acts" },
      may.roll_back && deployment?.can_roll_back ? act("back", gettext("Roll back"), () => on.rollBack(deployment), { glyph: "undo" }) : null,
      may.deploy && target !== "alias" ? act("deploy", gettext("Deploy"), () => on.deploy(entry), { tone: "" }) : null,
      may.deploy && target === "alias" ? act("move", gettext("Move"), () => on.moveAlias(entry), { tone: "" }) : null),
    failure(entry));
}

/** A row for a camera; its figures are filled in by `updateFigures`. */
export function cameraRow(entry, may, on) {
  const own = entry.deployment?.target === "camera" || entry.deployment?.target === "alias";
  const element = h("li", { class: "service" },
    h("div", { class: "service-name" }, h("b", {}, entry.name), h("span", { class: "quiet small" }, choiceWord(entry))),
    versionOf(entry),
    stateOfRow(entry, false),
    h("div", { class: "service-figures numbers small" }),
    h("div", { class: "service-acts" },
      may.roll_back && own && entry.deployment.can_roll_back ? act("back", gettext("Roll back"), () => on.rollBack(entry.deployment), { glyph: "undo" }) : null,
      may.shadow && !entry.shadow?.running ? act("shadow", gettext("Shadow"), () => on.shadow(entry)) : null,
      may.deploy ? act("deploy", gettext("Deploy"), () => on.deploy(entry), { tone: "" }) : null),
    failure(entry),
    entry.shadow ? shadowReport(entry, may, on) : null);
  updateFigures(element, entry);
  return element;
}

/** The live figures of a camera's row, changed in place. */
export function updateFigures(element, { live, version, shadow }) {
  const figures = [];
  if (live.state === "live") {
    if (live.latency_p50_ms) figures.push([`${milliseconds(live.latency_p50_ms)} ms`, fill(gettext("95 %% below %(p95)s ms").replace("%%", "%"), { p95: milliseconds(live.latency_p95_ms) })]);
    figures.push([decimal(live.analysed_fps), gettext("frames/s")]);
    figures.push([decimal(live.detections_per_frame), gettext("boxes per frame")]);
  }
  const broken = [];
  if (live.frames_skipped) broken.push(fill(ngettext("%(n)s frame skipped", "%(n)s frames skipped", live.frames_skipped), { n: number(live.frames_skipped) }));
  if (live.detector_restarts) broken.push(fill(ngettext("%(n)s restart", "%(n)s restarts", live.detector_restarts), { n: number(live.detector_restarts) }));
  const room = element.querySelector(".service-figures");
  const shape = `${figures.length}/${broken.length}`;
  if (room.dataset.shape !== shape) {
    room.dataset.shape = shape;
    room.replaceChildren(
      ...figures.map(() => h("span", {}, h("b", {}), " ", h("span", { class: "quiet" }))),
      ...broken.map(() => h("span", { class: "broken" })));
  }
  figures.forEach(([value, unit], at) => {
    setText(room.children[at].firstChild, value);
    setText(room.children[at].lastChild, unit);
  });
  broken.forEach((words, at) => setText(room.children[figures.length + at], words));
  const runs = element.querySelector("[data-runs]");
  setText(runs, runsWord(live, version));
  if (shadow) updateShadow(element, shadow);
}

/** What the worker is about while it does not run what was asked for. */
function runsWord(live, version) {
  if (live.state !== "live" && live.state !== "connecting") return "";
  if (live.detector_candidate) return fill(gettext("%(detector)s runs, the new one beside it"), { detector: detectorWord(live.detector) });
  if (live.state === "live" && (version ?? 0) !== live.detector_version) return fill(gettext("%(detector)s still runs"), { detector: detectorWord(live.detector) });
  return "";
}

function versionOf({ target, detector, version, version_name: name }) {
  const shown = isMotion(name) || !version ? h("b", {}, detectorWord(name)) : h("a", { href: `/models/versions/${version}/` }, h("b", {}, name));
  return h("div", { class: "service-version" }, shown,
    detector !== name && !isMotion(name) && target !== "alias" ? h("span", { class: "quiet small" }, detector) : null,
    h("span", { class: "quiet small", "data-runs": "" }));
}

function stateOfRow({ target, deployment, rolled_back: failed, passed, cameras }, follows) {
  const room = h("div", { class: "service-state" });
  if (deployment) {
    const [word, shape] = stateOf(deployment);
    const tried = deployment.state === "trial" && passed;
    room.append(h("span", { class: "state", "data-state": tried ? "live" : shape }, tried ? gettext("Trial passed here") : word));
    room.append(h("span", { class: "quiet small" }, trialWord(deployment, cameras) || sinceBy(deployment.created_at, deployment.created_by)));
  } else if (failed) {
    room.append(h("span", { class: "state", "data-state": failed.cause ? "failed" : "ended" }, gettext("Rolled back")));
    room.append(h("span", { class: "quiet small" }, sinceBy(failed.ended_at, failed.ended_by)));
  } else if (!follows && target !== "alias") {
    room.append(h("span", { class: "quiet small" }, gettext("since the beginning")));
  }
  return room;
}

function trialWord(deployment, cameras) {
  if (deployment.state !== "trial" || !cameras) return "";
  if (!cameras.length) return gettext("waits for a camera");
  return fill(gettext("%(passed)s of %(cameras)s passed"), {
    passed: number(deployment.passed.filter((id) => cameras.includes(id)).length), cameras: camerasWord(cameras.length) });
}

/** What failed here last, in red words, as long as nothing was deployed since. */
function failure({ rolled_back: failed }) {
  if (!failed?.cause) return null;
  const words = fill(gettext("%(version)s was taken back at %(time)s."), { version: failed.version_name, time: since(failed.ended_at) });
  return h("p", { class: "service-note notice plain-words fail" }, h("b", {}, words), ` ${failed.message} `, h("span", { class: "quiet" }, failed.detail));
}

