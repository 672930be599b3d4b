// The last hour as a live chart: forward up, backward down; minutes nobody watched are hatched.
import { cssColour, setText } from "./dom.js";
import { minuteTime, number, timeZone } from "./format.js";
import { fill, gettext } from "./i18n.js";

const HEIGHT = 220;

export class HourChart {
  constructor(box, readout) {
    this.box = box;
    this.readout = readout;
    this.minutes = [];
    this.peak = 4;
    this.plot = null;
    new ResizeObserver(() => this.plot?.setSize({ width: box.clientWidth, height: HEIGHT })).observe(box);
    addEventListener("themechange", () => this.rebuild());
  }

  show(minutes) {
    this.minutes = minutes;
    const most = Math.max(4, ...minutes.map((m) => Math.max(m.forward ?? 0, m.backward ?? 0)));
    if (most > this.peak || most < this.peak / 2) this.peak = Math.ceil(most * 1.15);
    if (!this.plot) this.rebuild();
    else this.plot.setData(this.data());
    this.say(minutes.length - 1);
  }

  data() {
    const known = (m, value) => (m.observed_s > 0 ? value : null);
    return [
      this.minutes.map((m) => m.minute * 60),
      this.minutes.map((m) => known(m, m.forward)),
      this.minutes.map((m) => known(m, -m.backward)),
    ];
  }

  rebuild() {
    this.plot?.destroy();
    this.plot = null;
    if (!this.minutes.length || !window.uPlot) return;
    const accent = cssColour("--accent"), muted = cssColour("--muted"), line = cssColour("--line");
    const bars = window.uPlot.paths.bars({ size: [0.78, 20], align: 1, radius: 0.1 });
    const series = (fillColour) => ({ paths: bars, fill: fillColour, stroke: fillColour, width: 0, points: { show: false } });
    const axis = { stroke: muted, font: "12px Plex, sans-serif", grid: { stroke: line, width: 1 }, ticks: { show: false } };
    this.plot = new window.uPlot({
      width: this.box.clientWidth || 600,
      height: HEIGHT,
      tzDate: (ts) => window.uPlot.tzDate(new Date(ts * 1000), timeZone),
      legend: { show: false },
      cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
      scales: { x: { time: true }, y: { range: () => [-this.peak, this.peak] } },
      series: [{}, series(accent), series(`color-mix(in srgb, ${accent} 55%, ${cssColour("--surface")})`)],
      axes: [
        { ...axis, grid: { show: false }, values: (_u, ticks) => ticks.map((t) => minuteTime(t * 1000)), space: 70 },
        { ...axis, values: (_u, ticks) => ticks.map((v) => (Number.isInteger(v) ? number(Math.abs(v)) : "")), size: 44 },
      ],
      hooks: {
        drawClear: [(plot) => this.hatch(plot)],
        setCursor: [(plot) => this.say(plot.cursor.idx ?? this.minutes.length - 1)],
      },
    }, this.data(), this.box);
  }

  /** Gaps are drawn as gaps: hatched, under everything else. */
  hatch(plot) {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.beginPath();
    for (const m of this.minutes) {
      if (m.observed_s > 0) continue;
      const from = plot.valToPos(m.minute * 60, "x", true), to = plot.valToPos((m.minute + 1) * 60, "x", true);
      ctx.rect(from, bbox.top, to - from, bbox.height);
    }
    ctx.clip();
    ctx.strokeStyle = cssColour("--hatch");
    ctx.lineWidth = devicePixelRatio;
    ctx.beginPath();
    for (let x = bbox.left - bbox.height; x < bbox.left + bbox.width; x += 7 * devicePixelRatio) {
      ctx.moveTo(x, bbox.top + bbox.height);
      ctx.lineTo(x + bbox.height, bbox.top);
    }
    ctx.stroke();
    ctx.restore();
  }

  say(index) {
    const m = this.minutes[index];
    if (!m) return;
    const period = `${minuteTime(m.minute * 60_000)}–${minuteTime((m.minute + 1) * 60_000)}`;
    setText(this.readout, m.observed_s > 0
      ? fill(gettext("%(period)s: %(forward)s forward, %(backward)s backward; observed %(seconds)s of 60 s"), {
        period, forward: number(m.forward), backward: number(m.backward), seconds: Math.round(Math.min(60, m.observed_s)) })
      : fill(gettext("%(period)s: not observed"), { period }));
  }
}
