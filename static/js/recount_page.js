// The recount tool: steps from mark to mark, hears keys, mouse and touch, issues the certificate.
import { api } from "./api.js";
import { CLASSES, classKey, className } from "./classes.js";
import { directionWord } from "./direction.js";
import { h, readJson, setText } from "./dom.js";
import { fill, gettext, ngettext } from "./i18n.js";
import { Marks } from "./recount_marks.js";
import { SIZE_ZOOMS, Strip, TIME_ZOOMS } from "./recount_strip.js";
import { toast } from "./toast.js";

const NUDGE = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
const find = (name) => document.querySelector(`[data-${name}]`);
const page = find("recount");
const facts = readJson("recount");

class Tool {
  constructor() {
    this.marks = new Marks(facts, {
      changed: () => this.refresh(),
      saved: (words, ok) => this.saved(words, ok),
      shared: () => toast(gettext("Somebody else works on this recount too. Both changes are kept.")),
    });
    this.strip = new Strip(find("view"), find("space"), find("canvas"), facts);
    this.selected = null;
    this.adding = false;
    this.newClass = facts.marks[0]?.class ?? "car";
    this.newDirection = "forward";
    this.listen();
    this.choose(this.list.find((mark) => !mark.checked) ?? this.list[0] ?? null);
  }

  get list() {
    return this.marks.of(this.strip.line);
  }

  get mark() {
    return this.list.find((mark) => mark.id === this.selected) ?? null;
  }

  listen() {
    const acts = {
      before: () => this.step(-1), next: () => this.step(1), right: () => this.confirm(), strike: () => this.strike(),
      undo: () => this.undo(), add: () => this.toggleAdding(), turn: () => this.turn(), bare: () => this.toggleBare(),
      "time-in": () => this.zoomTime(1), "time-out": () => this.zoomTime(-1),
      "size-in": () => this.zoomSize(1), "size-out": () => this.zoomSize(-1),
    };
    for (const button of page.querySelectorAll("[data-act]")) button.addEventListener("click", acts[button.dataset.act]);
    for (const button of page.querySelectorAll("[data-line]")) {
      button.addEventListener("click", () => this.turnTo(button.dataset.line));
    }
    find("classes").append(...CLASSES.map((name, i) => this.classButton(name, i)));
    find("canvas").addEventListener("click", (event) => this.click(event));
    find("list").addEventListener("click", (event) => {
      const id = event.target.closest("button")?.dataset.mark;
      if (id) this.choose(this.list.find((mark) => mark.id === id));
    });
    document.addEventListener("keydown", (event) => this.key(event));
    addEventListener("pagehide", () => this.marks.leave());
    find("issue")?.addEventListener("submit", (event) => this.issue(event));
  }

  classButton(name, index) {
    return h("button", { class: "button", type: "button", "data-class-choice": name, onclick: () => this.classify(name) },
      classKey(name, null, true), h("kbd", {}, index + 1));
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea, dialog")) return;
    const act = this.adding ? this.addingKey(event) : this.judgingKey(event);
    if (!act) return;
    event.preventDefault();
    act();
  }

  judgingKey({ key, target }) {
    if (/^[1-6]$/.test(key)) return () => this.classify(CLASSES[Number(key) - 1]);
    // A focused button keeps its Enter.
    if (key === "Enter" || key === "c") return key === "Enter" && target.closest("button, a") ? null : () => this.confirm();
    return {
      j: () => this.step(1), ArrowDown: () => this.step(1), k: () => this.step(-1), ArrowUp: () => this.step(-1),
      x: () => this.strike(), Delete: () => this.strike(), a: () => this.toggleAdding(), u: () => this.undo(), d: () => this.turn(), h: () => this.toggleBare(),
      "+": () => this.zoomTime(1), "-": () => this.zoomTime(-1), "]": () => this.zoomSize(1), "[": () => this.zoomSize(-1),
    }[key];
  }

  addingKey({ key, shiftKey }) {
    if (/^[1-6]$/.test(key)) return () => this.classify(CLASSES[Number(key) - 1]);
    if (key in NUDGE) return () => this.nudge(...NUDGE[key], shiftKey ? 10 : 1);
    return { Enter: () => this.put(this.strip.cursor), Escape: () => this.toggleAdding(), a: () => this.toggleAdding(), d: () => this.turn(), u: () => this.undo() }[key];
  }

  click(event) {
    if (this.adding) return this.put(this.strip.place(event.clientX, event.clientY));
    const hit = this.strip.hit(event.clientX, event.clientY);
    if (hit) this.choose(hit);
  }

  step(way) {
    const list = this.list;
    const at = list.findIndex((mark) => mark.id === this.selected);
    if (list.length) this.choose(list[Math.min(Math.max(at + way, 0), list.length - 1)]);
  }

  choose(mark) {
    this.selected = mark?.id ?? null;
    this.refresh();
    if (mark) this.strip.show(mark.time_s);
  }

  confirm() {
    if (!this.mark) return;
    this.marks.confirm(this.mark);
    this.step(1);
  }

  strike() {
    const mark = this.mark;
    if (!mark) return;
    const away = mark.added;
    if (away) this.step(1);
    this.marks.strike(mark);
    if (away && !this.mark) this.choose(this.list.at(-1) ?? null);
  }

  classify(name) {
    this.newClass = name;
    if (!this.adding && this.mark) this.marks.classify(this.mark, name);
    this.refresh();
  }

  turn() {
    if (!this.adding && this.mark) this.marks.turn(this.mark);
    this.newDirection = this.newDirection === "forward" ? "backward" : "forward";
    this.refresh();
  }

  undo() {
    const id = this.marks.undo();
    const mark = this.list.find((one) => one.id === id);
    if (mark) this.choose(mark);
  }

  /** Marks hide what they mark: look without them. */
  toggleBare() {
    this.strip.bare = !this.strip.bare;
    this.refresh();
  }

  toggleAdding() {
    this.adding = !this.adding;
    this.strip.cursor = this.adding ? { time_s: this.strip.middle(), along: 0.5 } : null;
    if (this.adding) find("view").focus({ preventScroll: true });
    this.refresh();
  }

  nudge(x, y, times) {
    const cursor = this.strip.cursor;
    cursor.along = Math.min(Math.max(cursor.along + (x * times) / 100, 0), 1);
    cursor.time_s = Math.min(Math.max(cursor.time_s + (y * times * 2) / this.strip.perSecond, 0), facts.duration_s);
    this.strip.show(cursor.time_s);
  }

  put({ time_s, along }) {
    const inGap = facts.gaps.some(([start, end]) => time_s > start && time_s < end);
    if (along < 0 || along > 1 || time_s < 0 || time_s > facts.duration_s || inGap) {
      toast(gettext("There is no strip at that place: click where something was seen."));
      return;
    }
    const id = this.marks.add({ line: this.strip.line, time_s, along, direction: this.newDirection, class: this.newClass });
    this.toggleAdding();
    this.choose(this.list.find((mark) => mark.id === id));
  }

  turnTo(line) {
    this.strip.line = line;
    this.choose(this.list.find((mark) => !mark.checked) ?? this.list[0] ?? null);
  }

  zoomTime(way) {
    const at = TIME_ZOOMS.indexOf(this.strip.perSecond);
    this.strip.zoom(TIME_ZOOMS[Math.min(Math.max(at + way, 0), TIME_ZOOMS.length - 1)], this.strip.size);
  }

  zoomSize(way) {
    const at = SIZE_ZOOMS.indexOf(this.strip.size);
    this.strip.zoom(this.strip.perSecond, SIZE_ZOOMS[Math.min(Math.max(at + way, 0), SIZE_ZOOMS.length - 1)]);
  }

  refresh() {
    if (!this.strip) return;
    const [list, mark] = [this.list, this.mark];
    Object.assign(this.strip, { marks: list, selected: this.selected });
    this.strip.draw();
    this.refreshProgress();
    this.refreshMark(mark);
    this.refreshList(list);
    page.toggleAttribute("data-adding", this.adding);
    for (const button of page.querySelectorAll("[data-line]")) {
      button.setAttribute("aria-pressed", String(button.dataset.line === this.strip.line));
    }
    page.querySelector("[data-act=add]").setAttribute("aria-pressed", String(this.adding));
    page.querySelector("[data-act=bare]").setAttribute("aria-pressed", String(Boolean(this.strip.bare)));
  }

  refreshProgress() {
    const { marks, checked, added, struck } = this.marks.counts;
    setText(find("progress"), fill(gettext("%(checked)s of %(marks)s checked"), { checked, marks }));
    const more = [
      fill(ngettext("%(n)s added", "%(n)s added", added), { n: added }),
      fill(ngettext("%(n)s struck", "%(n)s struck", struck), { n: struck }),
    ];
    setText(find("progress-more"), more.join(" · "));
    Object.assign(find("bar"), { max: Math.max(marks, 1), value: marks ? checked : 1 });
    const send = find("issue-button");
    if (send) send.disabled = checked < marks || marks + added === 0;
  }

  refreshMark(mark) {
    const list = this.list;
    const words = mark
      ? [this.strip.exact(mark.time_s), className(mark.class), directionWord(mark.direction), stateWord(mark)]
      : [list.length ? gettext("No mark is chosen") : gettext("The system counted nothing on this line")];
    setText(find("mark-words"), words.join(" · "));
    setText(find("position"), mark ? `${list.findIndex(({ id }) => id === mark.id) + 1} / ${list.length}` : "");
    const current = this.adding ? this.newClass : mark?.class;
    for (const button of page.querySelectorAll("[data-class-choice]")) {
      button.setAttribute("aria-pressed", String(button.dataset.classChoice === current));
    }
    const direction = this.adding || !mark?.added ? this.newDirection : mark.direction;
    setText(find("direction"), directionWord(direction));
    setText(find("strike-word"), mark?.added ? gettext("Remove") : mark?.struck ? gettext("Not wrong after all") : gettext("Strike"));
    find("turn-row").hidden = !this.adding && !mark?.added;
    for (const name of ["right", "strike"]) page.querySelector(`[data-act=${name}]`).disabled = !mark || this.adding;
    page.querySelector("[data-act=undo]").disabled = !this.marks.past.length;
    find("adding-help").hidden = !this.adding;
  }

  refreshList(list) {
    find("list").replaceChildren(...list.map((mark) => h("li", {}, h(
      "button",
      { type: "button", "data-mark": mark.id, "aria-current": mark.id === this.selected ? "true" : null, class: mark.struck ? "struck" : null },
      h("time", {}, this.strip.exact(mark.time_s)),
      classKey(mark.class, null, true),
      h("i", { class: `arrow ${mark.direction}`, title: directionWord(mark.direction) }),
      h("span", { class: "quiet small" }, stateWord(mark)),
    ))));
    find("list").querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
  }

  saved(words, ok) {
    setText(find("saved"), words);
    find("saved").classList.toggle("error", !ok);
    if (!ok) toast(words, "fail");
  }

  async issue(event) {
    event.preventDefault();
    const [form, problem] = [event.target, find("problem")];
    problem.hidden = true;
    find("issue-button").classList.add("busy");
    try {
      await this.marks.save();
      const made = await api(`recounts/${facts.id}/certificate/`, {
        method: "POST",
        body: {
          revision: this.marks.revision,
          looked_through: form.elements.looked_through.checked,
          with_picture: form.elements.with_picture?.checked ?? false,
        },
      });
      location.assign(page.dataset.certificate.replace("/0/", `/${made.id}/`));
    } catch (error) {
      problem.textContent = error.message;
      problem.hidden = false;
    } finally {
      find("issue-button").classList.remove("busy");
    }
  }
}

function stateWord(mark) {
  if (mark.added) return gettext("added");
  if (mark.struck) return gettext("struck");
  if (!mark.checked) return gettext("not checked");
  return mark.class === mark.told ? gettext("right") : gettext("other class");
}

if (facts.state === "ready") new Tool();
