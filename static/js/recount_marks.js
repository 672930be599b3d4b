// What a person says of the marks on a strip: judged, struck, added, undone, and saved as it happens.
import { api, apiUrl, csrf } from "./api.js";
import { gettext } from "./i18n.js";

const SAVE_AFTER_MS = 350;
const RETRY_MS = 3000;

export class Marks {
  /** `hooks`: {changed(), saved(words, ok), shared()}. */
  constructor(document_, hooks) {
    this.id = document_.id;
    this.hooks = hooks;
    this.system = new Map(document_.marks.map((mark) => [mark.id, mark]));
    this.review = document_.review;
    this.revision = document_.revision;
    this.pending = new Map();
    this.past = [];
    this.saving = null;
    this.timer = 0;
  }

  /** All marks of one line in order of time, each with what was said of it. */
  of(line) {
    const system = [...this.system.values()].filter((mark) => mark.line === line).map((mark) => this.seen(mark));
    const added = Object.entries(this.review)
      .filter(([id, given]) => !this.system.has(id) && given.line === line)
      .map(([id, given]) => ({ id, ...given, added: true, checked: true, struck: false }));
    return [...system, ...added].sort((a, b) => a.time_s - b.time_s || a.id.localeCompare(b.id));
  }

  seen(mark) {
    const said = this.review[mark.id];
    return {
      ...mark, class: said?.class ?? mark.class, told: mark.class, added: false,
      checked: Boolean(said), struck: said?.verdict === "wrong",
    };
  }

  get counts() {
    const said = Object.entries(this.review);
    const judged = said.filter(([id]) => this.system.has(id));
    return {
      marks: this.system.size,
      checked: judged.length,
      struck: judged.filter(([, given]) => given.verdict === "wrong").length,
      added: said.length - judged.length,
    };
  }

  confirm(mark) {
    if (!mark.added) this.say(mark.id, { verdict: "right", ...this.classOf(mark) });
  }

  /** Strike a mark of the system, or take an added one away; a struck one comes back. */
  strike(mark) {
    if (mark.added) this.say(mark.id, null);
    else this.say(mark.id, mark.struck ? null : { verdict: "wrong" });
  }

  classify(mark, name) {
    if (mark.added) this.say(mark.id, { ...this.review[mark.id], class: name });
    else this.say(mark.id, { verdict: "right", ...(name === mark.told ? {} : { class: name }) });
  }

  turn(mark) {
    if (!mark.added) return;
    this.say(mark.id, { ...this.review[mark.id], direction: mark.direction === "forward" ? "backward" : "forward" });
  }

  add(given) {
    const id = `a${[...crypto.getRandomValues(new Uint8Array(8))].map((x) => x.toString(16).padStart(2, "0")).join("")}`;
    this.say(id, given);
    return id;
  }

  /** Take the last act back; the mark that it was about, or null. */
  undo() {
    const last = this.past.pop();
    if (!last) return null;
    this.apply(last.id, last.before);
    return last.id;
  }

  classOf(mark) {
    return mark.class === mark.told ? {} : { class: mark.class };
  }

  say(id, given) {
    this.past.push({ id, before: this.review[id] ?? null });
    this.apply(id, given);
  }

  apply(id, given) {
    if (given === null) delete this.review[id];
    else this.review[id] = given;
    this.pending.set(id, given);
    this.hooks.changed();
    this.hooks.saved(gettext("Saving…"), true);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.save(), SAVE_AFTER_MS);
  }

  /** Resolves when nothing waits any more; a refusal is thrown. */
  async save() {
    clearTimeout(this.timer);
    if (this.saving) await this.saving.catch(() => {});
    if (!this.pending.size) return;
    this.saving = this.send();
    try {
      await this.saving;
    } finally {
      this.saving = null;
    }
    if (this.pending.size) await this.save();
  }

  async send() {
    const sent = new Map(this.pending);
    this.pending.clear();
    try {
      const body = { revision: this.revision, changes: Object.fromEntries(sent) };
      const answer = await api(`recounts/${this.id}/review/`, { method: "PATCH", body });
      this.revision = answer.revision;
      this.hooks.saved(gettext("Saved"), true);
    } catch (error) {
      // What was said since is newer than what was being sent.
      this.pending = new Map([...sent, ...this.pending]);
      if (error.status === 409) return this.join();
      if (error.status === 0 || error.status >= 500) {
        this.hooks.saved(gettext("Not saved yet. The page tries again."), false);
        this.timer = setTimeout(() => this.save().catch(() => {}), RETRY_MS);
        throw error;
      }
      for (const id of sent.keys()) this.pending.delete(id);
      this.hooks.saved(error.message, false);
      await this.reload();
      throw error;
    }
  }

  /** Somebody else saved first: theirs, with what was said here on top. */
  async join() {
    await this.reload();
    this.hooks.shared();
  }

  async reload() {
    const theirs = await api(`recounts/${this.id}/`);
    this.revision = theirs.revision;
    this.review = theirs.review;
    for (const [id, given] of this.pending) {
      if (given === null) delete this.review[id];
      else this.review[id] = given;
    }
    this.hooks.changed();
  }

  /** On the way out of the page: the browser still sends this. */
  leave() {
    if (!this.pending.size) return;
    const body = JSON.stringify({ revision: this.revision, changes: Object.fromEntries(this.pending) });
    fetch(apiUrl(`recounts/${this.id}/review/`), {
      method: "PATCH", body, keepalive: true, credentials: "same-origin",
      headers: { "Content-Type": "application/json", "X-CSRFToken": csrf() },
    });
    this.pending.clear();
  }
}
