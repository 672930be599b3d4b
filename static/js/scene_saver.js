// Saves the scene by itself a moment after each change; says when it could not, and why.
import { api } from "./api.js";
import { h, setText } from "./dom.js";
import { gettext, ngettext, fill } from "./i18n.js";

const QUIET_MS = 700;
const RETRY_MS = 4000;

export class SceneSaver {
  constructor(cameraId, scene, revision, status, conflict) {
    Object.assign(this, { scene, revision, status, conflict, path: `cameras/${cameraId}/scene/`, timer: 0, saving: false, dirty: false });
    scene.addEventListener("change", () => this.later());
    addEventListener("beforeunload", (event) => this.dirty && event.preventDefault());
    conflict.querySelector("[data-take-theirs]").addEventListener("click", () => this.takeTheirs());
    conflict.querySelector("[data-keep-mine]").addEventListener("click", () => this.keepMine());
    this.say("live", gettext("Saved"));
  }

  later(wait = QUIET_MS) {
    this.dirty = true;
    clearTimeout(this.timer);
    const problems = this.scene.problems().size;
    if (problems) {
      this.say("stalled", fill(ngettext("Not saved: %(n)s problem", "Not saved: %(n)s problems", problems), { n: problems }));
      return;
    }
    this.say("connecting", gettext("Saving"));
    this.timer = setTimeout(() => this.save(), wait);
  }

  async save() {
    if (this.saving) {
      this.later();
      return;
    }
    this.saving = true;
    const sent = JSON.stringify(this.scene.value);
    try {
      const answer = await api(this.path, { method: "PUT", body: { ...JSON.parse(sent), revision: this.revision } });
      this.revision = answer.revision;
      if (JSON.stringify(this.scene.value) === sent) {
        this.dirty = false;
        this.say("live", gettext("Saved and counting"));
      }
    } catch (error) {
      this.failed(error);
    } finally {
      this.saving = false;
    }
  }

  failed(error) {
    if (error.status === 409) {
      this.say("failed", gettext("Changed elsewhere"));
      this.conflict.showModal();
    } else if (error.document?.problems) {
      const rest = this.scene.refuse(error.document.problems);
      this.say("failed", rest.length ? fill(gettext("Not saved: %(why)s"), { why: rest.join("; ") }) : gettext("Not saved: see the list"));
    } else {
      this.say("failed", fill(gettext("Not saved: %(why)s"), { why: error.message }));
      if (error.status === 0 || error.status >= 500) this.timer = setTimeout(() => this.save(), RETRY_MS);
    }
  }

  async takeTheirs() {
    const theirs = await api(this.path);
    this.revision = theirs.revision;
    this.dirty = false;
    this.scene.load(theirs);
    this.conflict.close();
    this.say("live", gettext("Saved"));
  }

  async keepMine() {
    this.revision = (await api(this.path)).revision;
    this.conflict.close();
    this.later(0);
  }

  say(state, text) {
    if (!this.status.firstChild) this.status.append(h("span", { class: "state" }));
    const mark = this.status.firstElementChild;
    mark.dataset.state = state;
    setText(mark, text);
  }
}
