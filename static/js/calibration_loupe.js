// A magnifying glass over the still: a mark is to sit on a pixel, not under a finger.
const SIZE = 136;
const ZOOM = 4;

export class Loupe {
  /** `source()` → the picture or null; `box`: the stage, in whose corner the glass lies. */
  constructor(canvas, source) {
    Object.assign(this, { canvas, source });
    this.context = canvas.getContext("2d");
    const dpr = Math.min(devicePixelRatio || 1, 2);
    canvas.width = canvas.height = SIZE * dpr;
    this.context.scale(dpr, dpr);
    this.hide();
  }

  show([x, y]) {
    const picture = this.source();
    if (!picture) return;
    this.canvas.hidden = false;
    this.canvas.classList.toggle("left", x > 0.5);
    this.canvas.classList.toggle("low", y < 0.4);
    // As many times larger than on the stage, whatever the picture's own size.
    const stage = this.canvas.parentElement.getBoundingClientRect();
    const width = (SIZE / ZOOM) * (picture.width / stage.width), height = (SIZE / ZOOM) * (picture.height / stage.height);
    const { context } = this;
    context.fillStyle = "#10191c";
    context.fillRect(0, 0, SIZE, SIZE);
    context.drawImage(picture, x * picture.width - width / 2, y * picture.height - height / 2, width, height, 0, 0, SIZE, SIZE);
    for (const [colour, line] of [["rgb(4 12 14 / 60%)", 3], ["#ffffff", 1]]) {
      context.strokeStyle = colour;
      context.lineWidth = line;
      context.beginPath();
      context.moveTo(SIZE / 2, 0), context.lineTo(SIZE / 2, SIZE / 2 - 6);
      context.moveTo(SIZE / 2, SIZE / 2 + 6), context.lineTo(SIZE / 2, SIZE);
      context.moveTo(0, SIZE / 2), context.lineTo(SIZE / 2 - 6, SIZE / 2);
      context.moveTo(SIZE / 2 + 6, SIZE / 2), context.lineTo(SIZE, SIZE / 2);
      context.stroke();
    }
  }

  hide() {
    this.canvas.hidden = true;
  }
}
