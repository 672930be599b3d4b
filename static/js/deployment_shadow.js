// What a shadow and the detector in service made of the same frames.
import { h, setText } from "./dom.js";
import { number, since } from "./format.js";
import { fill, gettext } from "./i18n.js";
import { latencyWord } from "./deployment_words.js";

const total = (counts) => Object.values(counts ?? {}).reduce((sum, count) => sum + count, 0);

const FIGURES = [
  ["agreement", gettext("Agreement")],
  ["candidate", gettext("Candidate")],
  ["serving", gettext("In service")],
  ["counts", gettext("Crossings counted")],
  ["frames", gettext("Frames compared")],
];

export function shadowReport(entry, may, on) {
  const { shadow } = entry;
  const version = shadow.version !== null && shadow.version !== entry.version;
  const element = h("section", { class: "shadow", "aria-label": gettext("Shadow") },
    h("header", {},
      h("span", { class: "state", "data-state": shadow.running ? "connecting" : shadow.cause ? "failed" : "ended" },
        shadow.running ? gettext("Shadow") : gettext("Shadow ended")),
      h("b", {}, shadow.version_name),
      h("span", { class: "quiet small" }, shadow.running ? fill(gettext("since %(time)s"), { time: since(shadow.started_at) }) : since(shadow.ended_at)),
      h("span", { class: "shadow-acts" },
        may.shadow && shadow.running ? h("button", { class: "button plain", type: "button", "data-act": "stop", onclick: () => on.stop(shadow) }, gettext("Stop")) : null,
        may.deploy && version ? h("button", { class: "button", type: "button", "data-act": "promote", onclick: () => on.promote(shadow) }, gettext("Promote")) : null)),
    shadow.cause ? h("p", { class: "broken" }, `${shadow.message} ${shadow.detail}`) : null,
    h("dl", { class: "shadow-figures" }, ...FIGURES.map(([name, term]) => h("div", {}, h("dt", {}, term), h("dd", { "data-figure": name })))),
    h("p", { class: "quiet small", "data-lines": "" }));
  updateShadow(element, shadow);
  return element;
}

/** The figures of the latest report, changed in place. */
export function updateShadow(element, { report, running }) {
  const waiting = running ? gettext("waiting") : "–";
  const seen = report.frames > 0;
  const ours = total(report.counts_active), theirs = total(report.counts_shadow);
  const words = {
    agreement: typeof report.agreement === "number" ? `${(report.agreement * 100).toFixed(1)} %` : waiting,
    candidate: seen ? latencyWord(report.latency_p50_ms, report.latency_p95_ms) : waiting,
    serving: seen ? latencyWord(report.active_p50_ms, report.active_p95_ms) : waiting,
    counts: seen ? fill(gettext("%(shadow)s, in service %(active)s (%(difference)s)"), {
      shadow: number(theirs), active: number(ours), difference: signed(theirs - ours) }) : waiting,
    frames: seen ? number(report.frames) : waiting,
  };
  for (const [name, text] of Object.entries(words)) {
    const place = element.querySelector(`[data-figure="${name}"]`);
    if (place) setText(place, text);
  }
  const lines = element.querySelector("[data-lines]");
  if (lines) setText(lines, seen ? fill(gettext("Only in service: %(active)s boxes. Only the candidate: %(shadow)s boxes. Agreement says how alike they see, not who is right."), {
    active: number(report.only_active ?? 0), shadow: number(report.only_shadow ?? 0) }) : "");
}

const signed = (value) => (value > 0 ? `+${number(value)}` : number(value));
