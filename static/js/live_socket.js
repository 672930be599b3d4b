// The websocket to the gateway: reconnects by itself, says what is watched, hands messages on as events.
import { gettext } from "./i18n.js";
import { toast } from "./toast.js";

const NOT_ALLOWED = 4403;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 10_000;

/**
 * Events: "hello", "status", "overlay", "crossing", "counts", "cameras" (detail = the message),
 * "picture" (detail = {camera, t, jpeg: Blob}), "connection" (detail = true or false).
 */
export class LiveSocket extends EventTarget {
  constructor(path = "/ws/live/") {
    super();
    this.url = location.origin.replace(/^http/, "ws") + path;
    this.wait = FIRST_WAIT_MS;
    this.watched = "";
    this.wish = { cameras: [], pictures: [] };
    this.connect();
  }

  connect() {
    this.socket = new WebSocket(this.url);
    this.socket.binaryType = "arraybuffer";
    this.socket.addEventListener("open", () => {
      this.wait = FIRST_WAIT_MS;
      this.watched = "";
      this.emit("connection", true);
      this.sendWish();
    });
    this.socket.addEventListener("message", (event) => this.receive(event.data));
    this.socket.addEventListener("close", (event) => {
      this.emit("connection", false);
      if (event.code === NOT_ALLOWED) {
        toast(gettext("Your log-in has ended. Reload the page and log in again."), "fail");
        return; // asking again would be refused again
      }
      // Spread out, so that a hundred browsers do not return in the same instant after a restart.
      setTimeout(() => this.connect(), this.wait * (0.75 + Math.random() / 2));
      this.wait = Math.min(this.wait * 2, LONGEST_WAIT_MS);
    });
  }

  /** Ask for overlays and status of `cameras`, and for pictures of `pictures`. */
  watch(cameras, pictures) {
    this.wish = { cameras: [...cameras], pictures: [...pictures] };
    this.sendWish();
  }

  sendWish() {
    const text = JSON.stringify({ type: "watch", ...this.wish });
    if (this.socket.readyState !== WebSocket.OPEN || text === this.watched) return;
    this.watched = text;
    this.socket.send(text);
  }

  receive(data) {
    if (typeof data === "string") {
      const message = JSON.parse(data);
      this.emit(message.type, message);
      return;
    }
    const view = new DataView(data);
    this.emit("picture", {
      camera: view.getUint32(0),
      t: view.getFloat64(4),
      jpeg: new Blob([data.slice(12)], { type: "image/jpeg" }),
    });
  }

  emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
