// What a camera's stream and detector do, as a list of terms and figures.
import { h } from "./dom.js";
import { decimal, number, since, moment } from "./format.js";
import { fill, gettext } from "./i18n.js";

let drawn = "";

export function streamFacts(list, camera) {
  const { state } = camera;
  const rows = [
    [gettext("Resolution"), state.width ? `${state.width} × ${state.height}` : "–"],
    [gettext("Codec"), state.codec || "–"],
    [gettext("Source"), state.source_fps ? fill(gettext("%(n)s frames/s"), { n: decimal(state.source_fps) }) : "–"],
    [gettext("Analysed"), fill(gettext("%(n)s frames/s"), { n: decimal(state.analysed_fps ?? 0) })],
    [gettext("Frames dropped"), number(state.frames_dropped ?? 0)],
    [gettext("Detector"), state.detector || "–"],
    ...(camera.attention && state.detector && state.detector !== "motion" ? [[gettext("Looks"), gettext("only where something changes")]] : []),
    [gettext("Time per frame"), fill(gettext("%(p50)s ms, 95 %% below %(p95)s ms").replace("%%", "%"), {
      p50: decimal(state.latency_p50_ms ?? 0), p95: decimal(state.latency_p95_ms ?? 0) })],
    [gettext("State since"), state.since ? since(moment(state.since)) : "–"],
  ];
  const key = JSON.stringify(rows);
  if (key === drawn) return;
  drawn = key;
  list.replaceChildren(...rows.flatMap(([term, value]) => [h("dt", {}, term), h("dd", {}, value)]));
}
