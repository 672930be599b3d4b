// What the browser knows about one camera: state, counts, the last picture, boxes and their trails.
import { serverNow } from "./clock.js";

const TRAIL_POINTS = 28;
const TRAIL_S = 2.2;
const KEPT_OVERLAYS = 24;
const FLASH_MS = 450;

export class CameraModel {
  constructor(entry) {
    this.id = entry.id;
    this.overlays = [];
    this.trails = new Map();
    this.flashes = new Map();
    this.picture = null;
    this.pictureAt = 0;
    this.changed = true;
    this.replace(entry);
  }

  /** A fresh snapshot of the camera: after (re)connecting or when its configuration changed. */
  replace(entry) {
    this.name = entry.name;
    this.kind = entry.kind;
    this.paused = entry.paused;
    this.pictures = entry.pictures;
    this.attention = entry.attention;
    this.scene = entry.scene ?? { lines: [], zones: [], modules: [], anchor: "center" };
    this.counts = entry.counts ?? {};
    this.occupancy = { ...(this.counts.occupancy ?? {}) };
    this.setState(entry.state ?? { state: "connecting" });
  }

  setState(state) {
    // A fresh state does not know since when: then it is since the last change that was seen here.
    const same = this.state?.state === state.state;
    const since = state.since ?? (same ? this.state.since : serverNow() / 1000);
    this.state = { ...state, since, retry_at: state.retry_in_s > 0 ? Date.now() + state.retry_in_s * 1000 : null };
    if (state.state !== "live") {
      this.overlays = [];
      this.trails.clear();
    }
    if (state.state === "paused" || (state.state === "connecting" && !state.last_frame_at)) this.dropPicture();
    this.changed = true;
  }

  setCounts(counts) {
    this.counts = counts;
    this.changed = true;
  }

  addOverlay(overlay) {
    this.overlays.push(overlay);
    if (this.overlays.length > KEPT_OVERLAYS) this.overlays.shift();
    this.occupancy = overlay.occupancy ?? this.occupancy;
    for (const [track, name, x1, y1, x2, y2] of overlay.boxes) {
      let trail = this.trails.get(track);
      if (!trail) this.trails.set(track, (trail = { name, points: [] }));
      trail.name = name;
      trail.points.push([(x1 + x2) / 2, this.scene.anchor === "bottom" ? y2 : (y1 + y2) / 2, overlay.t]);
      if (trail.points.length > TRAIL_POINTS) trail.points.shift();
    }
    for (const [track, trail] of this.trails) {
      while (trail.points.length && trail.points[0][2] < overlay.t - TRAIL_S) trail.points.shift();
      if (!trail.points.length) this.trails.delete(track);
    }
    this.changed = true;
  }

  /** Boxes as they were when the shown picture was taken; without a picture, the newest. */
  shownOverlay() {
    if (!this.overlays.length) return null;
    const newest = this.overlays[this.overlays.length - 1];
    if (!this.picture || newest.t - this.pictureAt > 1.5) return newest;
    let best = newest;
    for (const overlay of this.overlays) {
      if (Math.abs(overlay.t - this.pictureAt) < Math.abs(best.t - this.pictureAt)) best = overlay;
    }
    return best;
  }

  setPicture(bitmap, t) {
    this.picture?.close();
    this.picture = bitmap;
    this.pictureAt = t;
    this.changed = true;
  }

  dropPicture() {
    this.picture?.close();
    this.picture = null;
  }

  flash(line) {
    this.flashes.set(line, performance.now() + FLASH_MS);
    this.changed = true;
  }

  /** How bright a line shines after a crossing, 1 → 0; forgets what has faded. */
  shine(line, now) {
    const until = this.flashes.get(line);
    if (until === undefined) return 0;
    if (until <= now) {
      this.flashes.delete(line);
      return 0;
    }
    this.changed = true;
    return (until - now) / FLASH_MS;
  }

  get aspect() {
    if (this.picture) return this.picture.width / this.picture.height;
    const { width, height } = this.state;
    return width && height ? width / height : 16 / 9;
  }
}
