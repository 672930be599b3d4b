// The scene editor: picture, stage, list and saving put together.
import { CameraCanvas } from "./camera_canvas.js";
import { CameraFeed } from "./camera_feed.js";
import { readJson, setText } from "./dom.js";
import { gettext } from "./i18n.js";
import { SceneDocument } from "./scene_document.js";
import { SceneList } from "./scene_list.js";
import { SceneSaver } from "./scene_saver.js";
import { listenToKeys } from "./stage_keys.js";
import { StagePointer } from "./stage_pointer.js";
import { StageView } from "./stage_view.js";
import { explain } from "./states.js";
import { toast } from "./toast.js";

const find = (name) => document.querySelector(`[data-${name}]`);
const id = Number(find("editor").dataset.editor);
const stored = readJson("scene");
const scene = new SceneDocument(stored);
const view = new StageView(find("stage"), scene);
const feed = new CameraFeed(readJson("entries", []), { only: id });
const list = new SceneList(find("objects"), find("no-objects"), scene, find("editor").dataset.speedUnit);
let camera = null;
let canvas = null;

const HINTS = {
  select: () => gettext("Drag points or whole objects; click an arrow to turn it round."),
  line: () => gettext("Click where the line begins, then where it ends. Enter puts one in the middle."),
  zone: () => gettext("Click each corner; click the first one again, or press Enter, to close the zone."),
};
const tools = {
  current: "select",
  set(name) {
    if (view.draft && view.draft.kind !== name) pointer.cancel();
    tools.current = name;
    find("editor").dataset.tool = name;
    for (const button of document.querySelectorAll("[data-tool-button]")) {
      button.setAttribute("aria-pressed", String(button.value === name));
    }
    setText(find("hint"), HINTS[name]());
  },
  added(module) {
    if (module === "person_count") toast(gettext("Person count is now switched on: zones need it."));
    if (module === "vehicle_traffic") toast(gettext("Vehicle traffic is now switched on: lines need it."));
  },
};
const pointer = new StagePointer(view, scene, tools);
new SceneSaver(id, scene, stored.revision, find("save-state"), find("conflict"));
listenToKeys(find("stage"), scene, view, pointer, tools);

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-tool-button], [data-act]");
  if (button?.matches("[data-tool-button]")) {
    tools.set(button.value);
    if (event.detail === 0) find("stage").focus(); // pressed by keyboard: Enter then places the object
  }
  if (button?.dataset.act === "undo") scene.undo();
  if (button?.dataset.act === "redo") scene.redo();
});
for (const radio of document.querySelectorAll("[name=anchor]")) {
  radio.addEventListener("change", () => scene.setAnchor(radio.value));
}

function showControls() {
  document.querySelector("[data-act=undo]").disabled = !scene.past.length;
  document.querySelector("[data-act=redo]").disabled = !scene.future.length;
  for (const radio of document.querySelectorAll("[name=anchor]")) radio.checked = radio.value === scene.value.anchor;
}

function begin() {
  const next = feed.cameras.get(id);
  if (!next) return;
  if (next !== camera) {
    camera = next;
    canvas?.remove();
    canvas = new CameraCanvas(find("canvas"), camera, { scene: false });
    canvas.visible = true;
    feed.setVisible(id, true);
  }
  update("state");
  list.show(camera);
}

function update(what) {
  if (what === "state" || what === "picture") {
    find("stage-box").style.setProperty("--aspect", String(camera.aspect));
    const words = explain(camera.state);
    find("no-picture").hidden = camera.state.state === "live";
    setText(find("no-picture"), `${words.what} ${words.next}`.trim());
  }
  if (what === "counts" || what === "overlay") list.show(camera);
}

scene.addEventListener("change", showControls);
scene.addEventListener("load", showControls);
feed.addEventListener("set", begin);
feed.addEventListener("update", ({ detail }) => update(detail.what));
tools.set("select");
showControls();
begin();
