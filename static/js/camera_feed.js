// Keeps camera models up to date from the socket, and asks for what can be seen only.
import { setServerTime } from "./clock.js";
import { CameraModel } from "./camera_model.js";
import { showHealth } from "./health.js";
import { LiveSocket } from "./live_socket.js";

/**
 * Events: "set" (cameras came, went or changed), "update" (detail = {camera, what}),
 * "crossing" (detail = message), "connection" (detail = true or false).
 */
export class CameraFeed extends EventTarget {
  /** `only`: one camera's id, for pages about one camera; `entries`: what the server knew. */
  constructor(entries = [], { only = null } = {}) {
    super();
    this.only = only;
    this.cameras = new Map();
    this.others = entries;
    this.visible = new Set();
    this.decoding = new Set();
    this.connected = true;
    this.take(entries);
    this.socket = new LiveSocket();
    const on = (name, act) => this.socket.addEventListener(name, (event) => act(event.detail));
    on("hello", (message) => this.hello(message));
    on("status", (message) => this.change(message, "state", (camera) => camera.setState(message.state)));
    on("counts", (message) => this.change(message, "counts", (camera) => camera.setCounts(message.counts)));
    on("overlay", (message) => this.change(message, "overlay", (camera) => camera.addOverlay(message)));
    on("crossing", (message) => this.change(message, "crossing", (camera) => camera.flash(message.line)));
    on("picture", (message) => this.picture(message));
    on("connection", (connected) => this.connection(connected));
    document.addEventListener("visibilitychange", () => this.watch());
  }

  take(entries) {
    this.others = entries;
    const mine = entries.filter((entry) => this.only === null || entry.id === this.only);
    for (const id of this.cameras.keys()) {
      if (!mine.some((entry) => entry.id === id)) this.cameras.delete(id);
    }
    const ordered = new Map();
    for (const entry of mine) {
      const known = this.cameras.get(entry.id);
      known?.replace(entry);
      ordered.set(entry.id, known ?? new CameraModel(entry));
    }
    this.cameras = ordered;
    this.health();
  }

  hello(message) {
    setServerTime(message.server_time);
    this.take(message.cameras);
    this.dispatchEvent(new Event("set"));
    this.watch();
  }

  change(message, what, act) {
    const other = what === "state" && this.others.find((entry) => entry.id === message.camera);
    if (other) other.state = message.state;
    if (other) this.health();
    const camera = this.cameras.get(message.camera);
    if (!camera) return;
    act(camera);
    this.dispatchEvent(new CustomEvent("update", { detail: { camera, what, message } }));
  }

  async picture({ camera: id, t, jpeg }) {
    const camera = this.cameras.get(id);
    // A picture that comes while the one before is being decoded is dropped: the next is fresher.
    if (!camera || this.decoding.has(id)) return;
    this.decoding.add(id);
    try {
      camera.setPicture(await createImageBitmap(jpeg), t);
      this.dispatchEvent(new CustomEvent("update", { detail: { camera, what: "picture" } }));
    } catch (error) {
      if (error.name !== "InvalidStateError") throw error; // a damaged JPEG: wait for the next
    } finally {
      this.decoding.delete(id);
    }
  }

  connection(connected) {
    this.connected = connected;
    this.health();
    this.dispatchEvent(new CustomEvent("connection", { detail: connected }));
  }

  /** Overlays and states of all (they are small), pictures of those that can be seen. */
  watch() {
    const shown = document.visibilityState === "visible";
    const seen = shown ? [...this.cameras.values()].filter((c) => this.visible.has(c.id)) : [];
    const pictures = seen.filter((c) => c.pictures !== "none").map((c) => c.id);
    this.socket.watch([...this.cameras.keys()], pictures);
  }

  setVisible(id, visible) {
    if (visible) this.visible.add(id);
    else this.visible.delete(id);
    this.watch();
  }

  health() {
    if (this.only !== null) return; // the shell asks for the health of all
    showHealth(this.others, this.connected);
  }
}
