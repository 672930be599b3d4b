// Period, bin, camera, line, class and direction, shared by all pages on traffic and kept in the address.
import { ApiError } from "./api.js";
import { CLASSES, className } from "./classes.js";
import { h, readJson } from "./dom.js";
import { gettext } from "./i18n.js";
import { addressOf, allowedBins, BINS, goodBin, minutesBetween, periodOf, PRESETS, presetPeriod } from "./period.js";

const NAMES = ["camera", "line", "class", "direction"];
const find = (name) => document.querySelector(`[data-${name}]`);

export class Filters {
  /** `load(query, signal)` fetches and shows; it is called again whenever a filter changes. */
  constructor(load) {
    this.loadPage = load;
    this.form = find("filters");
    this.cameras = readJson("cameras", []);
    this.bins = [...document.querySelectorAll("[data-bin]")].map((button) => Number(button.value));
    const given = new URLSearchParams(location.search);
    this.preset = given.get("from") ? "custom" : given.get("period") in PRESETS ? given.get("period") : "today";
    this.bin = this.bins.includes(Number(given.get("bin"))) ? Number(given.get("bin")) : null;
    const { camera, class: classes } = this.form.elements;
    camera.append(...this.cameras.map((c) => h("option", { value: c.id }, c.name)));
    classes.append(...CLASSES.map((name) => h("option", { value: name }, className(name))));
    for (const name of ["camera", "class", "direction"]) {
      const field = this.form.elements[name];
      if (given.get(name)) field.value = given.get(name);
      if (field.selectedIndex < 0) field.selectedIndex = 0;
    }
    const { from, to } = periodOf(given);
    [this.form.elements.from.value, this.form.elements.to.value] = [from, to];
    if (this.form.elements.free_flow) this.form.elements.free_flow.checked = given.has("free_flow");
    this.fillLines(given.get("line") ?? "");
    document.addEventListener("click", (event) => this.clicked(event.target.closest("[data-preset], [data-bin]")));
    this.form.addEventListener("change", () => {
      this.fillLines();
      this.load();
    });
    this.form.addEventListener("submit", (event) => event.preventDefault());
  }

  clicked(button) {
    if (!button || button.disabled) return;
    if (button.matches("[data-preset]")) this.preset = button.value;
    else this.bin = Number(button.value);
    this.load();
  }

  get camera() {
    return this.cameras.find((c) => String(c.id) === this.form.elements.camera.value) ?? null;
  }

  get period() {
    const { from, to } = this.form.elements;
    return this.preset === "custom" ? { from: from.value, to: to.value } : presetPeriod(this.preset);
  }

  /** Within a day, so that the gateway may read single crossings. */
  get isShort() {
    const { from, to } = this.period;
    return minutesBetween(from, to) <= 1440;
  }

  value(name) {
    return this.form.elements[name].value;
  }

  fillLines(wanted = this.form.elements.line.value) {
    const { line } = this.form.elements;
    const items = this.camera?.lines ?? [];
    line.replaceChildren(h("option", { value: "" }, gettext("All lines")), ...items.map((item) => h("option", { value: item.id }, item.name)));
    // A line that is no longer drawn keeps its history: the address may still name it.
    if (wanted && !items.some((item) => item.id === wanted)) line.append(h("option", { value: wanted, hidden: true }, wanted));
    line.value = this.camera && wanted ? wanted : "";
    line.disabled = !this.camera || (items.length < 2 && !line.value);
  }

  showControls() {
    const { from, to } = this.period;
    for (const button of document.querySelectorAll("[data-preset]")) button.setAttribute("aria-pressed", String(button.value === this.preset));
    const allowed = allowedBins(from, to).filter((bin) => this.bins.includes(bin));
    if (!allowed.includes(this.bin)) this.bin = null;
    const good = Math.max(goodBin(from, to), this.bins[0]);
    const bin = this.bin ?? (allowed.includes(good) ? good : (allowed[allowed.length - 1] ?? BINS[2]));
    for (const button of document.querySelectorAll("[data-bin]")) {
      button.disabled = !allowed.includes(Number(button.value));
      button.setAttribute("aria-pressed", String(Number(button.value) === bin));
    }
    find("custom").hidden = this.preset !== "custom";
    if (this.preset !== "custom") [this.form.elements.from.value, this.form.elements.to.value] = [from, to];
    const free = this.form.elements.free_flow;
    if (free) {
      free.disabled = !this.isShort;
      if (free.disabled) free.checked = false;
    }
    return { from, to, bin };
  }

  query() {
    const { from, to, bin } = this.showControls();
    const query = new URLSearchParams({ bin, from, to });
    for (const name of NAMES) if (this.value(name)) query.set(name, this.value(name));
    if (this.form.elements.free_flow?.checked) query.set("free_flow", "true");
    return query;
  }

  remember(query) {
    const kept = addressOf(query, this.preset);
    if (!this.bin) kept.delete("bin");
    history.replaceState(null, "", `?${kept}`);
    kept.delete("free_flow");
    for (const tab of document.querySelectorAll("[data-tab]")) tab.search = `?${kept}`;
  }

  async load() {
    const query = this.query();
    if (!query.get("from") || !query.get("to") || query.get("from") >= query.get("to")) {
      this.say(gettext("Choose a beginning that is before the end."), "warn");
      return;
    }
    this.remember(query);
    this.abort?.abort();
    const mine = (this.abort = new AbortController());
    const slow = setTimeout(() => (find("busy").hidden = false), 400);
    try {
      await this.loadPage(query, mine.signal);
      this.say("");
    } catch (error) {
      if (error.name === "AbortError") return;
      this.say(error.message, "fail");
      if (!(error instanceof ApiError)) throw error;
    } finally {
      clearTimeout(slow);
      if (this.abort === mine) find("busy").hidden = true;
    }
  }

  say(text, tone = "fail") {
    find("problem").hidden = !text;
    find("problem").className = `notice plain-words ${tone}`;
    find("problem").textContent = text;
  }
}

/** Show what to do next instead of empty charts: {title, text, link, action}; null brings the charts back. */
export function showEmpty(empty) {
  const box = find("nothing");
  box.hidden = !empty;
  find("results").hidden = Boolean(empty);
  if (!empty) return;
  box.replaceChildren(h("h2", {}, empty.title), h("p", {}, empty.text), empty.link ? h("a", { class: "button first", href: empty.link }, empty.action) : "");
}

/** What every page says of a camera without lines, or of a period in which nothing was observed; null if there is something. */
export function nothingToCount(camera, observed) {
  if (camera && !camera.lines.length && !observed) {
    return { title: gettext("This camera has no counting line"), text: gettext("Draw a line across the road: what passes it is counted from then on."), link: camera.scene_url, action: gettext("Draw a line") };
  }
  if (observed) return null;
  return { title: gettext("Nothing was observed in this period"), text: gettext("Choose another period or camera. A camera counts from the moment it is registered and has a line.") };
}
