// Draws an audit strip: time runs down, one row per frame at its own time, gaps hatched, marks on top.
import { classColour } from "./classes.js";
import { cssColour } from "./dom.js";
import { clockTime, duration } from "./format.js";
import { fill, gettext } from "./i18n.js";

const GUTTER = 76;
const TOP = 14;
const KEPT_IMAGES = 60;
const REACH_PX = 18;
export const TIME_ZOOMS = [6, 12, 24, 48, 96, 192, 384];
export const SIZE_ZOOMS = [1, 1.5, 2, 3];

export class Strip {
  /** `view` scrolls, `space` has the height of the whole strip, `canvas` stays in sight. */
  constructor(view, space, canvas, document_) {
    Object.assign(this, { view, space, canvas, document: document_, marks: [], selected: null, cursor: null });
    this.line = document_.lines[0].id;
    this.perSecond = TIME_ZOOMS[3];
    this.size = 1;
    this.images = new Map();
    this.tiles = document_.tiles.map((tile) => {
      let at = tile.t0;
      return { urls: tile.urls, times: [at, ...tile.dt.map((step) => (at += step))].map((ms) => ms / 1000) };
    });
    this.drawn = false;
    view.addEventListener("scroll", () => this.draw(), { passive: true });
    new ResizeObserver(() => this.layout()).observe(view);
    addEventListener("themechange", () => this.draw());
    this.layout();
  }

  get width() {
    return Math.max(120, (this.view.clientWidth - GUTTER) * this.size);
  }

  layout() {
    const middle = this.middle();
    this.space.style.height = `${Math.max(this.document.duration_s * this.perSecond, 40) + 2 * TOP}px`;
    this.space.style.width = `${GUTTER + this.width}px`;
    const density = devicePixelRatio || 1;
    this.canvas.width = Math.round(this.view.clientWidth * density);
    this.canvas.height = Math.round(this.view.clientHeight * density);
    this.canvas.style.width = `${this.view.clientWidth}px`;
    this.canvas.style.height = `${this.view.clientHeight}px`;
    if (this.drawn) this.view.scrollTop = middle * this.perSecond + TOP - this.view.clientHeight / 2;
    this.draw();
  }

  /** The time in the middle of what is seen. */
  middle() {
    return (this.view.scrollTop + this.view.clientHeight / 2 - TOP) / (this.laidOut ?? this.perSecond);
  }

  zoom(perSecond, size) {
    this.laidOut = this.perSecond;
    this.perSecond = perSecond;
    this.size = size;
    this.layout();
    this.laidOut = undefined;
  }

  show(time_s) {
    const y = this.y(time_s);
    if (y < 60 || y > this.view.clientHeight - 60) {
      this.view.scrollTop = time_s * this.perSecond + TOP - this.view.clientHeight / 2;
    }
    this.draw();
  }

  /** Where a point of the page lies: {time_s, along} of the strip. */
  place(clientX, clientY) {
    const area = this.canvas.getBoundingClientRect();
    const x = clientX - area.left + this.view.scrollLeft - GUTTER;
    const time_s = (clientY - area.top + this.view.scrollTop - TOP) / this.perSecond;
    return { time_s, along: x / this.width };
  }

  /** The mark under a point of the page, or null. */
  hit(clientX, clientY) {
    const area = this.canvas.getBoundingClientRect();
    const [x, y] = [clientX - area.left, clientY - area.top];
    const near = this.marks
      .map((mark) => ({ mark, far: Math.hypot(this.x(mark) - x, this.y(mark.time_s) - y) }))
      .filter(({ far }) => far <= REACH_PX)
      .sort((a, b) => a.far - b.far);
    return near[0]?.mark ?? null;
  }

  x = (mark) => GUTTER + (mark.along ?? 0.5) * this.width - this.view.scrollLeft;
  y = (time_s) => time_s * this.perSecond + TOP - this.view.scrollTop;

  draw() {
    if (this.asked) return;
    this.asked = requestAnimationFrame(() => {
      this.asked = 0;
      this.drawn = true;
      this.paint();
    });
  }

  paint() {
    const context = this.canvas.getContext("2d");
    const density = devicePixelRatio || 1;
    const [wide, high] = [this.canvas.width / density, this.canvas.height / density];
    context.setTransform(density, 0, 0, density, 0, 0);
    context.fillStyle = cssColour("--picture-ground");
    context.fillRect(0, 0, wide, high);
    for (const tile of this.tiles) this.paintTile(context, tile, high);
    for (const [start, end] of this.document.gaps) this.paintGap(context, start, end, wide, high);
    this.paintAxis(context, high);
    if (!this.bare) for (const mark of this.marks) this.paintMark(context, mark, wide, high);
    if (this.cursor) this.paintCursor(context, wide);
  }

  paintTile(context, { times, urls }, high) {
    const last = times.length - 1;
    if (this.y(times[0]) > high || this.y(times[last]) < -40 || !urls[this.line]) return;
    const image = this.image(urls[this.line]);
    if (!image?.naturalWidth) return;
    const left = GUTTER - this.view.scrollLeft;
    let usual = last > 0 ? (times[last] - times[0]) / last : 0.1;
    for (let row = 0; row <= last; row += 1) {
      const y = this.y(times[row]);
      const step = row < last ? Math.min(times[row + 1] - times[row], 1) : usual;
      const height = step * this.perSecond;
      if (y > high || y + height < 0) continue;
      context.drawImage(image, 0, row, image.naturalWidth, 1, left, y, this.width, height + 0.7);
    }
  }

  image(url) {
    let image = this.images.get(url);
    if (!image) {
      image = new Image();
      image.addEventListener("load", () => this.draw());
      image.src = url;
    }
    // The one used last goes to the end; the first of too many is let go.
    this.images.delete(url);
    this.images.set(url, image);
    if (this.images.size > KEPT_IMAGES) this.images.delete(this.images.keys().next().value);
    return image;
  }

  paintGap(context, start, end, wide, high) {
    const [top, bottom] = [this.y(start), this.y(end)];
    if (bottom < 0 || top > high) return;
    context.save();
    context.beginPath();
    context.rect(GUTTER, top, wide - GUTTER, bottom - top);
    context.clip();
    context.fillStyle = "#2a3438";
    context.fillRect(GUTTER, top, wide - GUTTER, bottom - top);
    context.strokeStyle = "#51626a";
    const [from, to] = [Math.max(top, 0) - wide, Math.min(bottom, high)];
    for (let y = from - (from % 9); y < to; y += 9) {
      context.beginPath();
      context.moveTo(GUTTER, y + wide);
      context.lineTo(wide, y + GUTTER);
      context.stroke();
    }
    context.restore();
    const words = fill(gettext("Not observed: %(length)s"), { length: duration(end - start) });
    this.chip(context, words, GUTTER + 12, Math.min(Math.max(top, 0) + 20, bottom - 6));
  }

  chip(context, words, x, y) {
    context.font = `600 12px ${cssColour("--font")}`;
    context.fillStyle = "rgb(10 18 21 / 78%)";
    context.fillRect(x - 6, y - 14, context.measureText(words).width + 12, 20);
    context.fillStyle = cssColour("--picture-text");
    context.fillText(words, x, y);
  }

  paintAxis(context, high) {
    context.fillStyle = cssColour("--surface");
    context.fillRect(0, 0, GUTTER, high);
    context.font = `12px ${cssColour("--font")}`;
    context.fillStyle = cssColour("--muted");
    context.strokeStyle = cssColour("--line-strong");
    const every = [1, 2, 5, 10, 30, 60].find((s) => s * this.perSecond >= 44) ?? 120;
    // Site time has its round seconds elsewhere than the strip.
    const shift = (this.document.starts_at ?? 0) % every;
    const from = Math.max((this.view.scrollTop - TOP) / this.perSecond, 0);
    const first = Math.ceil((from + shift) / every) * every - shift;
    for (let at = first; this.y(at) < high && at <= this.document.duration_s; at += every) {
      const y = this.y(at);
      context.beginPath();
      context.moveTo(GUTTER - 8, y);
      context.lineTo(GUTTER - 1, y);
      context.stroke();
      context.fillText(this.clock(at), 8, y + 4);
    }
  }

  clock(time_s) {
    if (this.document.starts_at !== null) return clockTime(new Date((this.document.starts_at + time_s) * 1000));
    const whole = Math.floor(time_s);
    const two = (n) => String(n).padStart(2, "0");
    return `${two(Math.floor(whole / 3600))}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
  }

  /** With tenths, to tell marks of one second apart. */
  exact = (time_s) => `${this.clock(time_s)}.${Math.floor((((this.document.starts_at ?? 0) + time_s) % 1) * 10)}`;

  paintMark(context, mark, wide, high) {
    const [x, y] = [this.x(mark), this.y(mark.time_s)];
    if (y < -30 || y > high + 30) return;
    const chosen = mark.id === this.selected;
    const colour = classColour(mark.class, "picture");
    context.lineWidth = chosen ? 2 : 1;
    context.strokeStyle = mark.struck ? "#ff9c94" : colour;
    context.setLineDash(mark.checked ? [] : [4, 3]);
    context.beginPath();
    context.moveTo(GUTTER, y);
    context.lineTo(wide, y);
    context.globalAlpha = chosen ? 0.9 : 0.4;
    context.stroke();
    context.globalAlpha = 1;
    context.setLineDash([]);
    const radius = chosen ? 14 : 11;
    context.beginPath();
    if (mark.added) context.roundRect(x - radius, y - radius, 2 * radius, 2 * radius, 4);
    else context.arc(x, y, radius, 0, 7);
    context.fillStyle = "rgb(10 18 21 / 55%)";
    context.fill();
    context.lineWidth = chosen ? 3.5 : 2;
    context.strokeStyle = chosen ? "#ffffff" : colour;
    context.stroke();
    this.paintArrow(context, x, y, mark, colour);
    if (mark.struck) this.paintStrike(context, x, y, radius);
    else if (mark.checked && !mark.added) this.paintTick(context, x + radius, y - radius);
  }

  paintArrow(context, x, y, mark, colour) {
    const way = mark.direction === "forward" ? -1 : 1;
    context.beginPath();
    context.moveTo(x, y + way * 6);
    context.lineTo(x - 5, y - way * 4);
    context.lineTo(x + 5, y - way * 4);
    context.closePath();
    context.fillStyle = colour;
    context.fill();
  }

  paintStrike(context, x, y, radius) {
    context.strokeStyle = "#ff9c94";
    context.lineWidth = 3;
    context.beginPath();
    context.moveTo(x - radius, y - radius);
    context.lineTo(x + radius, y + radius);
    context.moveTo(x + radius, y - radius);
    context.lineTo(x - radius, y + radius);
    context.stroke();
  }

  paintTick(context, x, y) {
    context.beginPath();
    context.arc(x, y, 6, 0, 7);
    context.fillStyle = "#1b7a45";
    context.fill();
    context.strokeStyle = "#ffffff";
    context.lineWidth = 1.6;
    context.beginPath();
    context.moveTo(x - 3, y);
    context.lineTo(x - 0.6, y + 2.4);
    context.lineTo(x + 3.2, y - 2.4);
    context.stroke();
  }

  paintCursor(context, wide) {
    const [x, y] = [this.x(this.cursor), this.y(this.cursor.time_s)];
    context.strokeStyle = "#ffffff";
    context.lineWidth = 1.5;
    context.setLineDash([6, 4]);
    context.beginPath();
    context.moveTo(GUTTER, y);
    context.lineTo(wide, y);
    context.moveTo(x, y - 40);
    context.lineTo(x, y + 40);
    context.stroke();
    context.setLineDash([]);
  }
}
