// What follows from the marks: how far they are off, what that means for speeds, and what is doubtful.
import { h, setText } from "./dom.js";
import { decimal } from "./format.js";
import { fill, gettext } from "./i18n.js";

const GOOD_PERCENT = 3, USABLE_PERCENT = 10;

/** Word, shape and colour of an expected speed error. */
export function errorState(percent) {
  if (percent === null) return h("span", { class: "state", "data-state": "failed" }, gettext("no speed here"));
  const [state, word] = percent <= GOOD_PERCENT ? ["live", gettext("good")] : percent <= USABLE_PERCENT ? ["stalled", gettext("usable")] : ["failed", gettext("poor")];
  return h("span", { class: "state", "data-state": state }, `±${decimal(percent)} % · ${word}`);
}

const unique = (notes) => [...new Map(notes.map((note) => [note.what, note])).values()];

export class CalibrationFigures {
  constructor(root) {
    this.root = root;
    this.part = (name) => root.querySelector(`[data-${name}]`);
  }

  /** `answer`: of the server, null while marks are missing; `marks`: how many. */
  show(answer, method) {
    const solved = answer?.ok ? answer : null;
    this.part("no-figures").hidden = Boolean(answer);
    this.part("found").hidden = !solved;
    this.part("notes").replaceChildren(...this.notes(answer));
    if (!solved) return;
    const unchecked = solved.warnings.some(({ code }) => code === "unchecked");
    setText(this.part("residual"), unchecked ? gettext("not checked") : fill(gettext("%(n)s px"), { n: decimal(solved.residual_px) }));
    this.part("between").replaceChildren(errorState(solved.speed_error_percent));
    setText(this.part("height"), solved.camera_height_m === null ? "–" : fill(gettext("%(n)s m"), { n: decimal(solved.camera_height_m) }));
    this.part("line-errors").replaceChildren(...solved.lines.flatMap(({ name, speed_error_percent: percent }) => [h("dt", {}, name), h("dd", {}, errorState(percent))]));
    this.part("no-lines").hidden = solved.lines.length > 0;
    this.root.dataset.method = method;
  }

  notes(answer) {
    if (!answer) return [];
    if (!answer.ok) return unique(answer.problems).map(({ what }) => h("p", { class: "notice plain-words fail", role: "alert" }, what));
    // That four points fit is no doubt, only something to know.
    return unique(answer.warnings).map(({ what, code }) => h("p", { class: `notice plain-words ${code === "unchecked" ? "" : "warn"}` }, what));
  }
}
