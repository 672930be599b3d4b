// The movements page: filters → address → movements from the gateway → Sankey, matrix, download.
import { api, apiUrl } from "./api.js";
import { classKey, CLASSES, className, inOrder } from "./classes.js";
import { h, readJson } from "./dom.js";
import { decimal, number } from "./format.js";
import { gettext, ngettext } from "./i18n.js";
import { gateName, matrixOf, pairOf } from "./movements_gates.js";
import { asking, find, PeriodFilter } from "./movements_period.js";
import { drawSankey } from "./movements_sankey.js";
import { observedShare } from "./people_bins.js";

const form = find("filters");
const cameras = readJson("cameras", []);
const given = new URLSearchParams(location.search);
const filter = new PeriodFilter(form, given, load);
let unit = given.get("unit") === "share" ? "share" : "count";
let answer = null;

const camera = () => cameras.find((c) => String(c.id) === form.elements.camera.value);

function load() {
  const period = filter.read();
  if (!period) return;
  const query = new URLSearchParams({ camera: camera().id, ...period });
  if (form.elements.class.value) query.set("class", form.elements.class.value);
  filter.remember(unit === "share" ? new URLSearchParams([...query, ["unit", unit]]) : query);
  find("csv").href = `${apiUrl("statistics/movements/")}?${query}&format=csv`;
  asking((signal) => api(`statistics/movements/?${query}`, { signal }), (found) => {
    answer = found;
    return show();
  });
}

async function show() {
  for (const button of document.querySelectorAll("[data-unit]")) button.setAttribute("aria-pressed", String(button.value === unit));
  const rows = answer.results, lines = camera().lines, seen = answer.cameras[0];
  const matrix = matrixOf(rows, lines);
  find("shown").hidden = !rows.length;
  find("nothing").hidden = rows.length > 0;
  find("nothing").replaceChildren(...(rows.length ? [] : nothing(seen, lines)));
  find("figures").replaceChildren(...(rows.length ? figures(matrix, seen) : []));
  if (!rows.length) return;
  const classes = {};
  for (const row of rows) classes[row.class] = (classes[row.class] ?? 0) + row.count;
  find("keys").replaceChildren(...inOrder(Object.keys(classes)).map((name) => classKey(name, classes[name], true)));
  find("matrix").replaceChildren(matrixTable(matrix, lines));
  await drawSankey(find("sankey"), find("sankey").dataset.plotly, rows, matrix, lines);
}

function nothing(seen, lines) {
  if (seen.coverage === "down") return [gettext("The camera was down in all of this period. Choose another one.")];
  if (!(seen.observed_s > 0)) return [gettext("Nothing was observed in this period. Choose another one.")];
  if (lines.length < 2) return [gettext("A movement needs at least two lines: draw one across each arm of the junction, or each door.")];
  return [gettext("The camera watched, and nothing passed two lines in this period.")];
}

function figures(matrix, seen) {
  const [[pair, most]] = [...matrix.cells].sort((a, b) => b[1] - a[1]);
  const [origin, destination] = pair.split(" ");
  const lines = camera().lines;
  return [
    h("p", { class: "lead" }, h("b", { class: "figure numbers" }, number(matrix.total)), ` ${ngettext("movement", "movements", matrix.total)}`),
    h("p", {}, `${gettext("most of them")}: `, gateName(origin, lines), " – ", gateName(destination, lines), " ", h("b", {}, number(most))),
    h("p", { class: seen.coverage === "complete" ? "" : "partly" }, observedShare(seen.observed_s, seen.possible_s)),
  ];
}

function matrixTable(matrix, lines) {
  const most = Math.max(...matrix.cells.values());
  const shown = (n) => (unit === "share" ? `${decimal((100 * n) / matrix.total)} %` : number(n));
  const cell = (n) => {
    const td = h("td", { class: "number" }, n ? shown(n) : h("span", { class: "quiet" }, unit === "share" ? "–" : "0"));
    td.style.setProperty("--heat", n / most);
    return td;
  };
  const sum = (n) => h("td", { class: "number sum" }, h("b", {}, shown(n)));
  return h("table", { class: "table matrix" }, h("caption", { class: "unseen" }, gettext("Movements: a row for each line where they began, a column for each line where they ended")),
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, gettext("from ↓   to →")), ...matrix.destinations.map((gate) => h("th", { class: "number", scope: "col" }, gateName(gate, lines))), h("th", { class: "number", scope: "col" }, gettext("All")))),
    h("tbody", {}, ...matrix.origins.map((origin) => h("tr", {}, h("th", { scope: "row" }, gateName(origin, lines)),
      ...matrix.destinations.map((destination) => cell(matrix.cells.get(pairOf(origin, destination)) ?? 0)), sum(matrix.rows.get(origin))))),
    h("tfoot", {}, h("tr", {}, h("th", { scope: "row" }, gettext("All")), ...matrix.destinations.map((gate) => sum(matrix.columns.get(gate))), sum(matrix.total))));
}

for (const button of document.querySelectorAll("[data-unit]")) {
  button.addEventListener("click", () => {
    unit = button.value;
    load();
  });
}
form.addEventListener("change", load);
addEventListener("themechange", () => answer && show());

form.elements.camera.append(...cameras.map((c) => h("option", { value: c.id }, c.name)));
form.elements.class.append(...CLASSES.map((name) => h("option", { value: name }, className(name))));
// Without a wish, the first camera on which a movement is possible at all.
form.elements.camera.value = given.get("camera") ?? "";
if (!camera()) form.elements.camera.value = (cameras.find((c) => c.lines.length > 1) ?? cameras[0]).id;
form.elements.class.value = CLASSES.includes(given.get("class")) ? given.get("class") : "";
load();
