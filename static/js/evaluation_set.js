// One evaluation set, picture by picture: boxes corrected, saved as one goes, marked as done.
import { api, apiUrl } from "./api.js";
import { classColour, classKey, className, inOrder } from "./classes.js";
import { h, icon, readJson } from "./dom.js";
import { number } from "./format.js";
import { EditedBoxes } from "./evaluation_boxes.js";
import { BoxEditor } from "./evaluation_editor.js";
import { fill, gettext } from "./i18n.js";
import { toast } from "./toast.js";

const SAVE_AFTER_MS = 700;
const PAGE = 500;
const find = (name) => document.querySelector(`[data-${name}]`);
const page = find("page");
const mayChange = "mayChange" in page.dataset;
const picture = find("picture");
const root = `evaluation-sets/${readJson("set").id}/images/`;
let set = readJson("set");
let images = [];
let at = -1;
let timer = null, saving = Promise.resolve();
let edits = 0, saved = 0; // how many there were, and how many of them the server has
let wanted = inOrder(set.classes)[0];

const boxes = new EditedBoxes(() => {
  editor.draw();
  showTools();
  saveSoon();
});
const editor = new BoxEditor(find("boxes"), picture, boxes, { selected: showTools, chosenClass: () => wanted }, !mayChange);
const image = () => images[at];
const unsaved = () => edits > saved;

async function load() {
  for (let offset = 0; offset < set.images; offset += PAGE) images.push(...(await api(`${root}?offset=${offset}&limit=${PAGE}`)));
  find("nothing").hidden = images.length > 0;
  page.hidden = images.length === 0;
  if (!images.length) return;
  find("strip").replaceChildren(...images.map(thumbnail));
  const first = images.findIndex((x) => !x.done);
  await open(mayChange && first >= 0 ? first : 0);
}

function thumbnail(row, index) {
  return h("li", {}, h("button", { type: "button", onclick: () => open(index), "aria-label": fill(gettext("Picture %(n)s"), { n: index + 1 }) },
    h("img", { src: apiUrl(`${root}${row.key}/picture/`), alt: "", loading: "lazy", width: row.width, height: row.height }), h("span", { class: "mark" }, icon("done"))));
}

async function open(index) {
  if (!(await flush())) return; // its boxes would be lost
  at = Math.min(Math.max(index, 0), images.length - 1);
  boxes.load(image().boxes);
  picture.src = apiUrl(`${root}${image().key}/picture/`);
  picture.alt = fill(gettext("Picture %(n)s"), { n: at + 1 });
  find("canvas").style.aspectRatio = `${image().width} / ${image().height}`;
  find("canvas").style.setProperty("--ratio", image().width / image().height);
  await picture.decode().catch(() => null);
  editor.draw();
  show();
}

function show() {
  const done = images.filter((x) => x.done).length;
  find("done").textContent = fill(gettext("%(done)s of %(all)s pictures done"), { done: number(done), all: number(images.length) });
  find("position").textContent = `${at + 1} / ${images.length}`;
  find("step='-1'").disabled = at === 0;
  find("step='1'").disabled = at === images.length - 1;
  const finish = find("finish");
  finish.hidden = !mayChange;
  finish.textContent = image().done ? gettext("Done – open again") : gettext("Done, next picture");
  finish.classList.toggle("first", !image().done);
  [...find("strip").children].forEach((item, i) => {
    item.classList.toggle("done", images[i].done);
    item.firstElementChild.toggleAttribute("aria-current", i === at);
  });
  const strip = find("strip"), now = strip.children[at];
  if (now) strip.scrollTo({ top: now.offsetTop - strip.clientHeight / 2, left: now.offsetLeft - strip.clientWidth / 2 });
  const counts = {};
  for (const row of images) if (row.done) for (const box of row.boxes) if (!box.crowd) counts[box.class] = (counts[box.class] ?? 0) + 1;
  find("counts").replaceChildren(...inOrder(set.classes).map((name) => classKey(name, counts[name] ?? 0, true)));
  showTools();
}

function showTools() {
  find("tools").hidden = !mayChange;
  const chosen = boxes.current?.class ?? wanted;
  find("classes").replaceChildren(...inOrder(set.classes).map((name, index) => {
    const input = h("input", { type: "radio", name: "class", value: name, onchange: () => choose(name) });
    input.checked = name === chosen;
    const swatch = h("i", { class: "swatch" });
    swatch.style.background = classColour(name);
    return h("label", {}, input, swatch, className(name), index < 9 ? h("kbd", { "aria-hidden": "true" }, index + 1) : null);
  }));
  find("remove").disabled = !boxes.current;
  find("undo").disabled = boxes.past.length === 0;
}

function choose(name) {
  wanted = name;
  boxes.setClass(name);
  editor.draw();
  showTools();
}

const say = (text) => (find("saved").textContent = text);

function saveSoon() {
  edits += 1;
  saveLater();
}

function saveLater() {
  say(gettext("Not saved yet"));
  clearTimeout(timer);
  timer = setTimeout(save, SAVE_AFTER_MS);
}

/** One after the other: an older answer must not overtake a newer one. */
function save(done = image().done) {
  clearTimeout(timer);
  const row = image(), carried = edits;
  const body = { boxes: boxes.document(), done };
  saving = saving.then(async () => {
    try {
      Object.assign(row, await api(`${root}${row.key}/`, { method: "PUT", body }));
      saved = carried;
      say(unsaved() ? gettext("Not saved yet") : gettext("Saved"));
      show();
      return true;
    } catch (error) {
      say(gettext("Not saved"));
      toast(error.message, "fail");
      return false;
    }
  });
  return saving;
}

/** Whether all is saved. */
async function flush() {
  await saving;
  while (unsaved()) if (!(await save())) return false; // there may be edits while it saves
  return true;
}

async function finish() {
  const closing = !image().done;
  if (!(await save(closing)) || !closing) return;
  const next = images.findIndex((x, i) => i > at && !x.done);
  const other = next >= 0 ? next : images.findIndex((x) => !x.done);
  if (other >= 0) await open(other);
  else toast(gettext("All pictures are done. The set can be measured on."));
}

async function drop() {
  clearTimeout(timer);
  await saving;
  try {
    await api(`${root}${image().key}/`, { method: "DELETE" });
  } catch (error) {
    toast(error.message, "fail");
    if (unsaved()) saveLater();
    return;
  }
  saved = edits; // with the picture
  images.splice(at, 1);
  find("strip").replaceChildren(...images.map(thumbnail));
  page.hidden = images.length === 0;
  find("nothing").hidden = images.length > 0;
  if (images.length) await open(at);
}

function add() {
  boxes.add(wanted, [0.4, 0.4, 0.6, 0.6]);
  editor.select(boxes.selected);
  editor.focus();
}

const KEYS = {
  Delete: () => boxes.remove(), Backspace: () => boxes.remove(), n: add, Enter: finish, Escape: () => editor.select(-1),
  PageUp: () => open(at - 1), PageDown: () => open(at + 1),
};

document.addEventListener("keydown", (event) => {
  if (!mayChange || event.target.closest("input:not([type=radio]), textarea, select, dialog") || page.hidden) return;
  if (event.key === "Enter" && event.target.closest("button, a")) return;
  if ((event.ctrlKey || event.metaKey) && event.key === "z") boxes.undo();
  else if (event.ctrlKey || event.metaKey || event.altKey) return;
  else if (editor.key(event)) ;
  else if (/^[1-9]$/.test(event.key) && inOrder(set.classes)[event.key - 1]) choose(inOrder(set.classes)[event.key - 1]);
  else if (KEYS[event.key]) KEYS[event.key]();
  else return;
  event.preventDefault();
});
document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.step) open(at + Number(button.dataset.step));
  if (button.matches("[data-finish]")) finish();
  if (button.matches("[data-add]")) add();
  if (button.matches("[data-remove]")) boxes.remove();
  if (button.matches("[data-undo]")) boxes.undo();
  if (button.matches("[data-drop]")) drop();
  if (button.matches("[data-delete]")) find("delete-dialog").showModal();
});
addEventListener("resize", () => editor.draw());
addEventListener("beforeunload", (event) => unsaved() && event.preventDefault());

find("delete-dialog").querySelector("form").addEventListener("submit", async (event) => {
  if (event.submitter.value !== "delete") return;
  event.preventDefault();
  const problem = find("error");
  problem.hidden = document.getElementById("del-name").value === set.name;
  problem.textContent = gettext("That is not its name.");
  if (!problem.hidden) return;
  try {
    await api(`evaluation-sets/${set.id}/`, { method: "DELETE" });
    location.assign("../");
  } catch (error) {
    problem.textContent = error.message;
    problem.hidden = false;
  }
});

load().catch((error) => toast(error.message, "fail"));
