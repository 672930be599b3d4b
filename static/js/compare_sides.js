// Two versions on the same picture, boxes drawn from numbers.
import { api } from "./api.js";
import { classColour, className } from "./classes.js";
import { h } from "./dom.js";
import { decimal } from "./format.js";
import { fill, gettext, ngettext } from "./i18n.js";

const find = (name) => document.querySelector(`[data-${name}]`);
let shown = null;

export function startSides(choices, version) {
  const form = find("sides-form");
  if (!form) return;
  const option = (value, text) => h("option", { value }, text);
  for (const name of ["first", "second"]) form.elements[name].append(...choices.versions.map((x) => option(x.id, x.reference)));
  if (version) form.elements.first.value = version;
  const other = choices.versions.find((x) => String(x.id) !== form.elements.first.value);
  if (other) form.elements.second.value = other.id;
  const cameras = choices.cameras.filter((x) => !x.refusal && !x.must_blur);
  const sets = choices.sets.filter((x) => x.images);
  const groups = [[gettext("Now at the camera"), cameras.map((x) => option(`camera:${x.id}`, x.name))], [gettext("A picture of the set"), sets.map((x) => option(`set:${x.id}`, x.name))]];
  form.elements.source.append(...groups.filter(([, items]) => items.length).map(([label, items]) => h("optgroup", { label }, ...items)));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    look(form);
  });
  addEventListener("themechange", () => shown && show());
}

async function picture(source) {
  const [kind, id] = source.split(":");
  if (kind === "camera") return { camera: Number(id), share: Math.round(1000 * Math.random()) / 1000 };
  const set = await api(`evaluation-sets/${id}/`);
  const [image] = await api(`evaluation-sets/${id}/images/?limit=1&offset=${Math.floor(Math.random() * set.images)}`);
  return { evaluation_set: Number(id), image: image.key };
}

async function look(form) {
  const button = find("look"), problem = find("sides-problem");
  problem.hidden = true;
  button.disabled = true;
  button.classList.add("busy");
  try {
    const fields = form.elements;
    if (!fields.source.value) throw new Error(gettext("There is no camera and no set to take a picture from."));
    shown = await api("comparison/boxes/", { method: "POST", body: { versions: [Number(fields.first.value), Number(fields.second.value)], score_threshold: Number(fields.score.value) || 0.3, ...(await picture(fields.source.value)) } });
    await show();
  } catch (error) {
    problem.textContent = error.message;
    problem.hidden = false;
  } finally {
    button.disabled = false;
    button.classList.remove("busy");
    button.textContent = gettext("Look at another");
  }
}

async function show() {
  const image = new Image();
  image.src = shown.picture;
  await image.decode();
  const { share, matched } = shown.agreement;
  const words = find("agreement");
  words.hidden = false;
  words.textContent = share === null ? gettext("Neither finds anything here.")
    : fill(gettext("They agree on %(n)s objects: %(share)s % of all boxes. That is agreement, not accuracy."), { n: matched, share: decimal(100 * share, 0) });
  find("two").replaceChildren(...[shown.first, shown.second].map((side) => figure(side, image)));
}

function figure(side, image) {
  const canvas = h("canvas", { role: "img", "aria-label": fill(gettext("What %(name)s finds"), { name: side.reference }) });
  canvas.width = image.naturalWidth;
  canvas.height = image.naturalHeight;
  const paper = canvas.getContext("2d");
  const unit = Math.max(image.naturalWidth / 640, 0.6);
  paper.drawImage(image, 0, 0);
  // What is labelled, thin and white: with it one sees who is right, not only who differs.
  for (const box of shown.truth ?? []) outline(paper, box.xyxy, "rgb(255 255 255 / 85%)", unit, [3 * unit, 3 * unit]);
  for (const box of side.boxes) {
    const colour = classColour(box.class, "picture");
    outline(paper, box.xyxy, colour, 2 * unit, []);
    label(paper, box, colour, unit);
  }
  const count = fill(ngettext("%(n)s object", "%(n)s objects", side.boxes.length), { n: side.boxes.length });
  return h("figure", {}, canvas, h("figcaption", {}, h("b", {}, side.reference), h("span", { class: "quiet" }, shown.truth ? `${count}, ${fill(gettext("%(n)s labelled (dotted)"), { n: shown.truth.length })}` : count)));
}

function outline(paper, [x1, y1, x2, y2], colour, width, dash) {
  const { width: w, height: h_ } = paper.canvas;
  paper.strokeStyle = colour;
  paper.lineWidth = width;
  paper.setLineDash(dash);
  paper.strokeRect(x1 * w, y1 * h_, (x2 - x1) * w, (y2 - y1) * h_);
}

function label(paper, box, colour, unit) {
  const text = `${className(box.class)} ${Math.round(100 * box.score)}`;
  const x = box.xyxy[0] * paper.canvas.width, y = Math.max(box.xyxy[1] * paper.canvas.height - 16 * unit, 0);
  paper.font = `600 ${11 * unit}px Plex, system-ui, sans-serif`;
  paper.fillStyle = "rgb(10 18 21 / 78%)";
  paper.fillRect(x, y, paper.measureText(text).width + 8 * unit, 16 * unit);
  paper.fillStyle = colour;
  paper.textBaseline = "middle";
  paper.fillText(text, x + 4 * unit, y + 8.5 * unit);
}
