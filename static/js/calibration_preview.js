// Asks the gateway a moment after each change what the marks would give; the last question wins.
import { api } from "./api.js";

const QUIET_MS = 250;

/** Fires "answer" (detail: the answer, null while marks are missing, or {error} in words). */
export class CalibrationPreview extends EventTarget {
  constructor(cameraId) {
    super();
    Object.assign(this, { path: `cameras/${cameraId}/calibration/preview/`, timer: 0, asked: null });
  }

  ask(document_) {
    clearTimeout(this.timer);
    this.asked?.abort();
    if (!document_) {
      this.tell(null);
      return;
    }
    this.timer = setTimeout(() => this.send(document_), QUIET_MS);
  }

  async send(document_) {
    const asked = (this.asked = new AbortController());
    try {
      this.tell(await api(this.path, { method: "POST", body: document_, signal: asked.signal }));
    } catch (error) {
      if (error.name !== "AbortError") this.tell({ ok: false, problems: [{ code: "failed", marks: [], what: error.message }] });
    }
  }

  tell(detail) {
    this.dispatchEvent(new CustomEvent("answer", { detail }));
  }
}
