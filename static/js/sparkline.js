// The last hour in one small picture: forward up, backward down, minutes without data hatched.
import { s } from "./dom.js";
import { fill, gettext } from "./i18n.js";
import { sum } from "./totals.js";

const MINUTES = 60;
const HALF = 20;
let patterns = 0;

export class Sparkline {
  constructor() {
    const id = `gap-${++patterns}`;
    this.up = s("path", { class: "up" });
    this.down = s("path", { class: "down" });
    this.gaps = s("path", { fill: `url(#${id})` });
    this.element = s(
      "svg", { class: "spark", viewBox: `0 0 ${MINUTES * 4} ${HALF * 2}`, preserveAspectRatio: "none", role: "img" },
      s("defs", {}, s("pattern", { id, width: 5, height: 5, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
        s("rect", { class: "hatch", width: 1.4, height: 5 }))),
      this.gaps, this.up, this.down, s("path", { class: "axis", d: `M0 ${HALF}H${MINUTES * 4}` }),
    );
    this.peak = 4;
    this.drawn = "";
  }

  /** `minutes`: [{minute, observed_s, forward, backward}], oldest first. */
  show(minutes = []) {
    const key = JSON.stringify(minutes);
    if (key === this.drawn) return;
    this.drawn = key;
    const most = Math.max(4, ...minutes.map((m) => Math.max(m.forward ?? 0, m.backward ?? 0)));
    // The scale grows at once and shrinks only by half, so that it does not jump while live.
    if (most > this.peak || most < this.peak / 2) this.peak = most;
    let up = "", down = "", gaps = "";
    const last = minutes.slice(-MINUTES);
    last.forEach((m, i) => {
      const x = (MINUTES - last.length + i) * 4;
      if (!(m.observed_s > 0)) {
        gaps += `M${x} 3h4v${HALF * 2 - 6}h-4z`;
        return;
      }
      up += bar(x, m.forward, this.peak, -1);
      down += bar(x, m.backward, this.peak, 1);
    });
    if (last.length < MINUTES) gaps += `M0 3h${(MINUTES - last.length) * 4}v${HALF * 2 - 6}H0z`;
    this.up.setAttribute("d", up);
    this.down.setAttribute("d", down);
    this.gaps.setAttribute("d", gaps);
    this.element.setAttribute("aria-label", fill(gettext("Last hour: %(forward)s forward, %(backward)s backward"), {
      forward: sum(last.map((m) => m.forward ?? 0)), backward: sum(last.map((m) => m.backward ?? 0)),
    }));
  }
}

function bar(x, value, peak, sign) {
  if (!value) return "";
  const height = Math.max(1.2, (value / peak) * (HALF - 2));
  return `M${x + 0.5} ${HALF + sign * 0.8}v${(sign * height).toFixed(1)}h3v${(-sign * height).toFixed(1)}z`;
}
