// Binds a canvas to a camera model, and draws every visible canvas that changed in one animation frame loop.
import { paintCamera } from "./scene_painter.js";

const canvases = new Set();
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const SHORTEST_MS = 50; // 20 drawings a second are enough for 10 analysed frames
let running = false;

export class CameraCanvas {
  constructor(canvas, camera, options = {}) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { alpha: false });
    this.camera = camera;
    this.options = options;
    this.visible = false;
    this.drawnAt = 0;
    this.size = { width: 0, height: 0 };
    this.resized = new ResizeObserver(([entry]) => this.resize(entry.contentRect));
    this.resized.observe(canvas);
    canvases.add(this);
    if (!running) {
      running = true;
      requestAnimationFrame(loop);
    }
  }

  resize({ width, height }) {
    const dpr = Math.min(devicePixelRatio || 1, 2);
    this.size = { width, height };
    this.canvas.width = Math.max(1, Math.round(width * dpr));
    this.canvas.height = Math.max(1, Math.round(height * dpr));
    this.context.setTransform(dpr, 0, 0, dpr, 0, 0);
    this.camera.changed = true;
  }

  draw(now) {
    if (!this.visible || !this.camera.changed || !this.size.width || now - this.drawnAt < SHORTEST_MS) return;
    this.drawnAt = now;
    this.camera.changed = false;
    paintCamera(this.context, this.camera, this.size, now, { calm: calm.matches, ...this.options });
  }

  remove() {
    this.resized.disconnect();
    canvases.delete(this);
  }
}

function loop(now) {
  // The browser stops calling while the page is hidden, so nothing is drawn for nobody.
  for (const canvas of canvases) canvas.draw(now);
  if (canvases.size) requestAnimationFrame(loop);
  else running = false;
}

addEventListener("themechange", () => {
  for (const canvas of canvases) canvas.camera.changed = true;
});
document.fonts?.ready.then(() => {
  for (const canvas of canvases) canvas.camera.changed = true;
});
