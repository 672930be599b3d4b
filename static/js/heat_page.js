// The heat map: filters → address → seconds per cell → picture, legend, table, download.
import { api, apiUrl } from "./api.js";
import { CameraFeed } from "./camera_feed.js";
import { h, readJson, setText } from "./dom.js";
import { decimal, number } from "./format.js";
import { heatColour, paintHeat, paintScale, scaled } from "./heat_picture.js";
import { fill, gettext } from "./i18n.js";
import { asking, find, PeriodFilter } from "./movements_period.js";
import { observedShare } from "./people_bins.js";

const BUSIEST = 40;
const form = find("filters");
const cameras = readJson("cameras", []);
const given = new URLSearchParams(location.search);
const filter = new PeriodFilter(form, given, load);
const canvas = find("canvas");
const context = canvas.getContext("2d");
let kind = given.get("kind") === "person" ? "person" : "vehicle";
let answer = null;
let picture = null;
let chosen = null;
let feed = null;

const camera = () => cameras.find((c) => String(c.id) === form.elements.camera.value);
const most = () => (answer ? Math.max(0, ...answer.cells.flat()) : 0);

/** The camera's picture of now, once: it lies beneath the map and is part of no data. */
function watch() {
  feed?.setVisible(feed.only, false);
  picture = null;
  const place = camera();
  setText(find("privacy"), place.pictures === "none"
    ? gettext("The map holds no picture, only the seconds that objects spent in each cell. Pictures are off for this camera, so it lies over the camera's lines and zones.")
    : gettext("The map holds no picture, only the seconds that objects spent in each cell. Beneath it is what the camera sees now."));
  if (place.pictures === "none") return;
  feed ??= new CameraFeed([], { only: place.id });
  const mine = (feed.only = place.id);
  feed.onPicture?.abort();
  feed.onPicture = new AbortController();
  feed.setVisible(mine, true);
  feed.addEventListener("update", ({ detail }) => {
    if (detail.what !== "picture" || detail.camera.id !== mine) return;
    picture = detail.camera.picture;
    detail.camera.picture = null; // ours now: the next one would close it
    feed.setVisible(mine, false);
    paint();
  }, { signal: feed.onPicture.signal });
}

function load() {
  const period = filter.read();
  if (!period) return;
  for (const button of document.querySelectorAll("[data-kind]")) button.setAttribute("aria-pressed", String(button.value === kind));
  const query = new URLSearchParams({ camera: camera().id, kind, ...period });
  filter.remember(query);
  find("csv").href = `${apiUrl("statistics/heat/")}?${query}&format=csv`;
  chosen = null;
  asking((signal) => api(`statistics/heat/?${query}`, { signal }), (found) => {
    answer = found;
    show();
  });
}

function show() {
  const top = most(), total = answer.cells.flat().reduce((a, b) => a + b, 0);
  find("nothing").hidden = top > 0;
  setText(find("nothing"), answer.coverage === "down" ? gettext("The camera was down in all of this period.")
    : !(answer.observed_s > 0) ? gettext("Nothing was observed in this period.")
      : kind === "person" ? gettext("The camera watched, and no person was seen in this period.") : gettext("The camera watched, and no vehicle was seen in this period."));
  find("figures").replaceChildren(
    h("p", { class: "lead" }, h("b", { class: "figure numbers" }, decimal(total / 3600, total < 36_000 ? 1 : 0)), ` ${kind === "person" ? gettext("person-hours in the picture") : gettext("vehicle-hours in the picture")}`),
    h("p", { class: answer.coverage === "complete" ? "" : "partly" }, observedShare(answer.observed_s, answer.possible_s)));
  showLegend(top);
  find("table").replaceChildren(top ? table(top, total) : "");
  resize();
}

function showLegend(top) {
  find("legend").hidden = !(top > 0);
  if (!(top > 0)) return;
  paintScale(find("scale"));
  const minutes = top >= 600;
  const text = (s) => (minutes ? number(Math.round(s / 60)) : s >= 10 ? number(Math.round(s)) : decimal(s));
  // Even steps of the root are these shares of the most.
  find("ticks").replaceChildren(...[0, 1 / 16, 1 / 4, 9 / 16, 1].map((share) => h("span", {}, text(share * top))));
  const unit = kind === "person" ? (minutes ? gettext("person-minutes") : gettext("person-seconds")) : minutes ? gettext("vehicle-minutes") : gettext("vehicle-seconds");
  setText(find("unit-words"), fill(gettext("%(unit)s per cell; the picture has %(columns)s × %(rows)s cells; colour by the square root"), { unit, columns: answer.columns, rows: answer.rows }));
}

const spent = (seconds) => (seconds >= 600 ? fill(gettext("%(n)s min"), { n: number(Math.round(seconds / 60)) })
  : fill(gettext("%(n)s s"), { n: seconds >= 10 ? number(Math.round(seconds)) : decimal(seconds) }));

function table(top, total) {
  const cells = answer.cells.flatMap((row, y) => row.map((seconds, x) => ({ x, y, seconds }))).filter((c) => c.seconds > 0).sort((a, b) => b.seconds - a.seconds);
  const head = (text) => h("th", { class: "number", scope: "col" }, text);
  return h("table", { class: "table" }, h("caption", {}, fill(gettext("The busiest %(n)s of %(all)s cells in which something was; the download has all."), { n: Math.min(BUSIEST, cells.length), all: number(cells.length) })),
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, gettext("Cell: column, row")), head(gettext("Time")), head(gettext("Share of all")), h("th", {}))),
    h("tbody", {}, ...cells.slice(0, BUSIEST).map(({ x, y, seconds }) => {
      const swatch = h("i", { class: "heat-swatch" });
      const [r, g, b] = heatColour(scaled(seconds, top));
      swatch.style.background = `rgb(${r},${g},${b})`;
      return h("tr", {}, h("td", { class: "numbers" }, `${x + 1}, ${y + 1}`), h("td", { class: "number" }, spent(seconds)), h("td", { class: "number" }, `${decimal((100 * seconds) / total)} %`), h("td", {}, swatch));
    })));
}

function resize() {
  const { width, height } = camera();
  const aspect = width && height ? width / height : 16 / 9;
  const wide = find("picture").clientWidth, dpr = Math.min(devicePixelRatio || 1, 2);
  const size = { width: wide, height: Math.round(wide / aspect) };
  canvas.style.height = `${size.height}px`;
  [canvas.width, canvas.height] = [size.width * dpr, size.height * dpr];
  context.setTransform(dpr, 0, 0, dpr, 0, 0);
  paint();
}

function paint() {
  if (!answer || !canvas.clientWidth) return;
  paintHeat(context, { width: canvas.clientWidth, height: canvas.clientHeight }, { picture, scene: camera(), cells: answer.cells, most: most(), chosen });
  setText(find("readout"), chosen ? fill(gettext("column %(column)s, row %(row)s: %(time)s"), { column: chosen.column + 1, row: chosen.row + 1, time: spent(answer.cells[chosen.row][chosen.column]) }) : most() > 0 ? gettext("Point at the picture to read a cell.") : "");
  find("readout").classList.toggle("quiet", !chosen);
}

function choose(column, row) {
  if (!answer) return;
  chosen = { column: Math.max(0, Math.min(answer.columns - 1, column)), row: Math.max(0, Math.min(answer.rows - 1, row)) };
  paint();
}

canvas.addEventListener("pointermove", (event) => answer && choose(Math.floor((event.offsetX / canvas.clientWidth) * answer.columns), Math.floor((event.offsetY / canvas.clientHeight) * answer.rows)));
canvas.addEventListener("pointerleave", () => {
  chosen = null;
  paint();
});
const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
canvas.addEventListener("keydown", (event) => {
  const [x, y] = KEYS[event.key] ?? [];
  if (x === undefined || !answer) return;
  event.preventDefault();
  const from = chosen ?? { column: Math.floor(answer.columns / 2) - x, row: Math.floor(answer.rows / 2) - y };
  choose(from.column + x, from.row + y);
});
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-kind], [data-as-table]");
  if (button?.matches("[data-kind]")) {
    kind = button.value;
    load();
  } else if (button) {
    find("table").hidden = !find("table").hidden;
    button.setAttribute("aria-pressed", String(!find("table").hidden));
  }
});
form.addEventListener("change", (event) => {
  if (event.target.name === "camera") watch();
  load();
});
new ResizeObserver(resize).observe(find("picture"));
document.fonts?.ready.then(paint);

form.elements.camera.append(...cameras.map((c) => h("option", { value: c.id }, c.name)));
form.elements.camera.value = given.get("camera") ?? "";
if (!camera()) form.elements.camera.value = cameras[0].id;
watch();
load();
