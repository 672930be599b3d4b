// The calibration page: still, marks, what follows from them, and saving put together.
import { api } from "./api.js";
import { CalibrationFigures } from "./calibration_figures.js";
import { Loupe } from "./calibration_loupe.js";
import { CalibrationMarks } from "./calibration_marks.js";
import { CalibrationPanel } from "./calibration_panel.js";
import { CalibrationPointer } from "./calibration_pointer.js";
import { CalibrationPreview } from "./calibration_preview.js";
import { CalibrationView } from "./calibration_view.js";
import { CameraCanvas } from "./camera_canvas.js";
import { CameraFeed } from "./camera_feed.js";
import { readJson, setText } from "./dom.js";
import { gettext } from "./i18n.js";
import { listenToKeys } from "./stage_keys.js";
import { explain } from "./states.js";
import { toast } from "./toast.js";

const find = (name) => document.querySelector(`[data-${name}]`);
const id = Number(find("calibration").dataset.calibration);
const mayChange = find("calibration").dataset.mayChange === "yes";
const stored = readJson("calibration");
const entries = readJson("entries", []);
const marks = new CalibrationMarks(location.hash === "#anew" ? null : stored?.document);
const view = new CalibrationView(find("stage"), marks, entries[0]?.scene.lines ?? [], !mayChange);
const feed = new CameraFeed(entries, { only: id });
const figures = new CalibrationFigures(find("figures"));
const preview = new CalibrationPreview(id);
const loupe = new Loupe(find("loupe"), () => camera?.picture ?? null);
const key = ({ value: { method, objects, measures } }) => (objects.length ? JSON.stringify([method, objects, measures]) : "");
const asStored = stored ? key(new CalibrationMarks(stored.document)) : "";
const changed = () => key(marks) !== asStored;
let camera = null;
let canvas = null;
let held = false;
let saving = false;
let answer = stored?.figures ? { ok: true, ...stored.figures } : null;

const frame = () => {
  const { width, height } = camera?.state ?? {};
  return width && height ? [width, height] : (stored?.document.frame ?? null);
};
let panel = null;
if (mayChange) startMarking();

function startMarking() {
  panel = new CalibrationPanel(find("steps"), marks);
  const pointer = new CalibrationPointer(view, marks, loupe, { ready });
  const [w, h] = frame() ?? [1280, 720];
  listenToKeys(find("stage"), marks, view, pointer, { current: "select", set() {} }, { step: [1 / w, 1 / h], letters: {}, enter: () => pointer.placeByKey() });
  marks.addEventListener("change", () => {
    preview.ask(marks.document(frame()));
    tell();
    const at = marks.selected?.point !== null && marks.find(marks.selected?.id)?.points[marks.selected.point];
    if (at && find("stage").contains(document.activeElement)) loupe.show(at);
  });
  marks.addEventListener("problems", tell);
  preview.addEventListener("answer", ({ detail }) => taken(detail));
  addEventListener("beforeunload", (event) => changed() && !saving && event.preventDefault());
}

/** Whether there is something to mark on; says why not. */
function ready() {
  if (!frame()) toast(gettext("Waiting for the camera's first picture: its size is needed."));
  return Boolean(frame());
}

function taken(detail) {
  answer = detail;
  if (detail) marks.note(detail.ok ? detail.warnings : detail.problems);
  show();
}

function show() {
  view.show(answer?.ok ? answer : null);
  figures.show(answer, marks.value.method);
  const many = marks.method.marks(marks.value).length;
  panel?.show(answer?.ok && answer.residuals_px.length && many > 4 ? answer.residuals_px : []);
  tell();
}

/** What to do next, and whether it can be saved. */
function tell() {
  setText(find("hint"), mayChange ? marks.method.hint(marks.value) : "");
  if (!mayChange) return;
  find("save").disabled = saving || !answer?.ok || !changed();
  document.querySelector("[data-act=undo]").disabled = !marks.past.length;
  document.querySelector("[data-act=redo]").disabled = !marks.future.length;
  document.querySelector("[data-act=clear]").disabled = !marks.value.objects.length;
  const mark = find("save-state");
  mark.dataset.state = changed() ? "ended" : "live";
  mark.hidden = !marks.value.objects.length && !stored;
  setText(mark, changed() ? gettext("Not saved") : gettext("Saved"));
}

async function save() {
  saving = true;
  const button = find("save");
  button.disabled = true;
  button.classList.add("busy");
  try {
    await api(`cameras/${id}/calibration/`, { method: "PUT", body: { ...marks.document(frame()), keep_still: find("keep-still").checked } });
    leave();
  } catch (error) {
    saving = false;
    button.classList.remove("busy");
    if (error.document?.problems) taken({ ok: false, problems: error.document.problems });
    toast(error.message, "fail");
    tell();
  }
}

async function remove() {
  try {
    await api(`cameras/${id}/calibration/`, { method: "DELETE" });
    saving = true;
    leave();
  } catch (error) {
    toast(error.message, "fail");
  }
}

function leave() {
  history.replaceState(null, "", location.pathname);
  location.reload();
}

const acts = {
  undo: () => marks.undo(),
  redo: () => marks.redo(),
  clear: () => marks.clear(),
  save,
  remove,
  anew() {
    marks.clear();
    find("calibration").scrollIntoView();
  },
  hold(button) {
    held = !held;
    canvas.visible = !held;
    camera.changed = true;
    button.setAttribute("aria-pressed", String(held));
  },
  grid(button) {
    view.showGrid = !view.showGrid;
    button.setAttribute("aria-pressed", String(view.showGrid));
    view.draw();
  },
};
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-act]");
  if (button) acts[button.dataset.act]?.(button);
});

function begin() {
  const next = feed.cameras.get(id);
  if (!next) return;
  if (next !== camera) {
    camera = next;
    canvas?.remove();
    // Boxes would lie over the marks; without pictures they are all there is to see.
    canvas = new CameraCanvas(find("canvas"), camera, { scene: false, boxes: camera.pictures === "none", calm: true });
    canvas.visible = !held;
    feed.setVisible(id, true);
  }
  view.lines = camera.scene.lines;
  update("state");
}

function update(what) {
  if (what !== "state" && what !== "picture") return;
  find("stage-box").style.setProperty("--aspect", String(camera.aspect));
  const words = explain(camera.state);
  const none = camera.pictures === "none";
  find("no-picture").hidden = camera.state.state === "live" && !none;
  setText(find("no-picture"), none ? gettext("This camera gives no pictures, for privacy.") : `${words.what} ${words.next}`.trim());
}

feed.addEventListener("set", begin);
feed.addEventListener("update", ({ detail }) => update(detail.what));
begin();
show();
