// One camera, large: picture, figures, the last hour, lines, zones, stream.
import { CameraCanvas } from "./camera_canvas.js";
import { CameraFeed } from "./camera_feed.js";
import { classKey, inOrder, unitWord, visitsToday } from "./classes.js";
import { CrossingList } from "./crossing_list.js";
import { directionArrow, directionWord } from "./direction.js";
import { h, readJson, setText } from "./dom.js";
import { number } from "./format.js";
import { HourChart } from "./hour_chart.js";
import { fill, gettext } from "./i18n.js";
import { explain, stateWord } from "./states.js";
import { streamFacts } from "./stream_facts.js";
import { byDirection, headline, sum } from "./totals.js";

const find = (name) => document.querySelector(`[data-${name}]`);
const id = Number(find("camera-page").dataset.cameraPage);
const feed = new CameraFeed(readJson("entries", []), { only: id });
const crossings = new CrossingList(find("crossings"), find("no-crossings"), readJson("recent", []));
const chart = new HourChart(find("hour-chart"), find("readout"));
let camera = null;
let canvas = null;
let shown = {};

function begin() {
  const next = feed.cameras.get(id);
  if (!next) {
    location.assign("/cameras/"); // deleted by someone else
    return;
  }
  if (next !== camera) {
    camera = next;
    canvas?.remove();
    canvas = new CameraCanvas(find("canvas"), camera);
    canvas.visible = true;
    feed.setVisible(id, true);
  }
  shown = {};
  crossings.name(camera.scene.lines);
  state();
  counts();
  zones();
}

function state() {
  const { state: now } = camera;
  const mark = find("camera-state");
  mark.dataset.state = now.state;
  setText(mark, stateWord(now.state));
  const text = explain(now);
  const curtain = find("curtain");
  curtain.hidden = now.state === "live";
  [text.what, text.when, text.next].forEach((line, i) => setText(curtain.children[i], line));
  find("advice").hidden = !now.advice || now.state === "live";
  setText(find("advice-what"), now.message ?? "");
  setText(find("advice-do"), now.advice ?? "");
  setText(find("advice-detail"), now.detail ?? "");
  streamFacts(find("facts"), camera);
  canvas.canvas.parentElement.style.setProperty("--aspect", String(camera.aspect));
}

function counts() {
  const key = JSON.stringify([camera.counts.today, camera.counts.hour, camera.scene.lines]);
  chart.show(camera.counts.minutes ?? []);
  if (shown.counts === key) return;
  shown.counts = key;
  const { unit, today, hour } = headline(camera);
  const hours = byDirection(camera.counts.hour);
  find("figures").replaceChildren(
    h("p", { class: "lead" }, h("b", { class: "figure numbers" }, number(today)), fill(gettext("%(unit)s today"), { unit: unitWord(unit, today) })),
    ...(hour === null ? [] : [
      h("p", {}, h("b", { class: "numbers" }, number(hour)), gettext("this hour")),
      ...["forward", "backward"].map((direction) => h("p", {}, directionArrow(direction, camera.scene.lines),
        h("b", { class: "numbers" }, number(sum(hours[direction]))), fill(gettext("%(direction)s this hour"), { direction: directionWord(direction).toLowerCase() })))]),
  );
  find("lines").hidden = !camera.scene.lines.length;
  find("line-counts").replaceChildren(...camera.scene.lines.map((line) => h("div", { class: "line-counts" },
    h("h3", {}, line.name),
    ...["forward", "backward"].map((direction) => {
      const classes = camera.counts.today?.[line.id]?.[direction] ?? {};
      return h("div", { class: "direction" }, directionArrow(direction, [line]), h("span", {}, directionWord(direction)),
        h("span", { class: "keys" }, ...inOrder(Object.keys(classes)).map((name) => classKey(name, classes[name]))),
        h("b", {}, number(sum(classes))));
    }))));
}

function zones() {
  const key = JSON.stringify([camera.occupancy, camera.counts.visits_today, camera.scene.zones]);
  if (shown.zones === key) return;
  shown.zones = key;
  find("zones-panel").hidden = !camera.scene.zones.length;
  find("zones").replaceChildren(...camera.scene.zones.map((zone) => h("li", {}, h("span", { class: "zone-name" }, zone.name),
    h("span", { class: "numbers" }, h("b", {}, number(camera.occupancy[zone.id] ?? 0)), ` ${gettext("now")}`),
    h("span", { class: "quiet numbers" }, visitsToday(camera.counts.visits_today?.[zone.id] ?? 0)))));
}

feed.addEventListener("set", begin);
feed.addEventListener("update", ({ detail: { what, message } }) => {
  if (what === "state") state();
  if (what === "counts") counts();
  if (what === "counts" || what === "overlay") zones();
  if (what === "crossing") crossings.add(message);
});
setInterval(() => camera?.state.retry_at && state(), 1000);
// Deferred scripts such as the chart's have run by the time a module starts.
if (feed.cameras.size) begin();
