// The live page: one tile per camera, and the totals of all.
import { CameraFeed } from "./camera_feed.js";
import { announce, readJson, setText } from "./dom.js";
import { number } from "./format.js";
import { fill, gettext, ngettext } from "./i18n.js";
import { enableReorder, orderedIds } from "./tile_order.js";
import { Tile } from "./tile.js";
import { unitWord } from "./classes.js";
import { byDirection, sum, vehiclesAndPersons } from "./totals.js";

const list = document.querySelector("[data-tiles]");
const shared = list.dataset.mayChange === "true";
const tiles = new Map();
const feed = new CameraFeed(readJson("cameras", []));

const seen = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    const id = Number(target.dataset.camera);
    feed.setVisible(id, isIntersecting);
    const tile = tiles.get(id);
    if (tile) tile.picture.visible = isIntersecting;
  }
}, { rootMargin: "80px" });

function rebuild() {
  const ids = [...feed.cameras.keys()];
  for (const [id, tile] of tiles) {
    if (tile.camera === feed.cameras.get(id)) continue;
    seen.unobserve(tile.element);
    tile.remove();
    tiles.delete(id);
  }
  for (const id of shared ? ids : orderedIds(ids)) {
    let tile = tiles.get(id);
    if (!tile) {
      tile = new Tile(feed.cameras.get(id));
      tiles.set(id, tile);
      seen.observe(tile.element);
    }
    tile.update();
    list.append(tile.element);
  }
  list.dataset.count = Math.min(ids.length, 5);
  document.querySelector("[data-empty]").hidden = ids.length > 0;
  document.querySelector("[data-totals]").hidden = ids.length === 0;
  showTotals();
}

function showTotals() {
  const cameras = [...feed.cameras.values()];
  const totals = { vehicles: 0, persons: 0, hour: 0, occupancy: 0 };
  let zones = 0, live = 0;
  for (const camera of cameras) {
    const today = vehiclesAndPersons(camera.counts.today);
    totals.vehicles += today.vehicles;
    totals.persons += today.persons;
    const hour = byDirection(camera.counts.hour);
    totals.hour += sum(hour.forward) + sum(hour.backward);
    totals.occupancy += sum(camera.occupancy);
    zones += camera.scene.zones.length;
    live += camera.state.state === "live";
  }
  show("vehicles", totals.vehicles, fill(gettext("%(unit)s today"), { unit: unitWord("vehicles", totals.vehicles) }));
  show("persons", totals.persons, fill(gettext("%(unit)s today"), { unit: unitWord("persons", totals.persons) }), totals.persons > 0);
  show("hour", totals.hour, ngettext("crossing this hour", "crossings this hour", totals.hour));
  show("occupancy", totals.occupancy, gettext("in zones now"), zones > 0);
  show("live", `${live}/${cameras.length}`, gettext("cameras live"));
  announce(document.querySelector("[data-announce]"), fill(gettext("%(n)s vehicles today, %(live)s of %(all)s cameras live"), {
    n: number(totals.vehicles), live, all: cameras.length,
  }));
}

function show(name, value, words, visible = true) {
  const item = document.querySelector(`[data-total=${name}]`);
  item.hidden = !visible;
  setText(item.querySelector("b"), typeof value === "number" ? number(value) : value);
  setText(item.querySelector("span"), words);
}

feed.addEventListener("set", rebuild);
feed.addEventListener("update", ({ detail: { camera, what } }) => {
  const tile = tiles.get(camera.id);
  if (!tile) return;
  if (what === "state") tile.updateState();
  if (what === "overlay" || what === "counts") tile.updateZones();
  if (what === "counts") tile.updateCounts();
  if (what === "counts" || what === "state") scheduleTotals();
});
feed.addEventListener("connection", ({ detail: connected }) => list.classList.toggle("disconnected", !connected));
document.querySelector("[data-columns]")?.addEventListener("click", (event) => {
  const choice = event.target.closest("button")?.value;
  if (!choice) return;
  localStorage.setItem("tile-size", choice);
  showSize();
});

let totalsDue = 0;
function scheduleTotals() {
  totalsDue ||= setTimeout(() => ((totalsDue = 0), showTotals()), 250);
}

function showSize() {
  const choice = localStorage.getItem("tile-size") ?? "medium";
  list.dataset.size = choice;
  for (const button of document.querySelectorAll("[data-columns] button")) {
    button.setAttribute("aria-pressed", String(button.value === choice));
  }
}

// The countdown of "Trying again in 4 s" goes on between two states.
setInterval(() => {
  for (const tile of tiles.values()) if (tile.camera.state.retry_at) tile.updateState();
}, 1000);

enableReorder(list, { shared });
showSize();
rebuild();
