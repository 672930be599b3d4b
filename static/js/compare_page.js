// The compare page: filters → address → figures of the gateway → chart, table, CSV.
import { api } from "./api.js";
import { drawComparison } from "./compare_chart.js";
import { startMeasuring } from "./compare_measure.js";
import { startSides } from "./compare_sides.js";
import { csvText, fillTable } from "./compare_table.js";
import { className } from "./classes.js";
import { h, readJson } from "./dom.js";
import { fill, gettext, ngettext } from "./i18n.js";

const find = (name) => document.querySelector(`[data-${name}]`);
const form = find("filters");
const choices = readJson("choices");
const given = new URLSearchParams(location.search);
const CLASS_WORDS = { mean: gettext("mean of all classes"), "any vehicle": gettext("any vehicle") };
let shown = null;

const option = (value, text) => h("option", { value }, text);

async function load() {
  const query = new URLSearchParams();
  for (const name of ["set", "class", "threads"]) if (form.elements[name].value) query.set(name, form.elements[name].value);
  try {
    shown = await api(`comparison/?${query}`);
    find("problem").hidden = true;
  } catch (error) {
    find("problem").textContent = error.message;
    find("problem").hidden = false;
    return;
  }
  if (given.has("version")) query.set("version", given.get("version"));
  history.replaceState(null, "", `?${query}`);
  fillFilters();
  await show();
}

function fillFilters() {
  const { set, classes, threads, threads_measured: measured } = shown;
  form.elements.set.value = set?.id ?? "";
  form.elements.class.replaceChildren(...classes.map((name) => option(name, CLASS_WORDS[name] ?? className(name))));
  form.elements.class.value = shown.class;
  const counts = [...new Set([...measured, threads])].sort((a, b) => a - b);
  form.elements.threads.replaceChildren(...counts.map((n) => option(n, fill(ngettext("%(n)s thread", "%(n)s threads", n), { n }))));
  form.elements.threads.value = threads;
}

async function show() {
  const comparable = shown.rows.some((row) => row.latency && row.accuracy && row.accuracy.ap50 !== null);
  find("nothing").hidden = comparable;
  find("legend").hidden = !comparable;
  find("best").hidden = !shown.best || shown.line.length === 0;
  if (shown.best) {
    const words = shown.best.words.startsWith(shown.best.reference) ? shown.best.words.slice(shown.best.reference.length).trimStart() : shown.best.words;
    find("best-name").textContent = shown.best.reference;
    find("best-words").textContent = words;
  }
  sayDoubts();
  fillTable(find("table"), shown, new URL("../versions/", location.href).pathname);
  await drawComparison(find("chart"), find("chart").dataset.plotly, shown);
}

/** Figures that should not be compared are said to be so. */
function sayDoubts() {
  const busy = shown.rows.filter((row) => row.latency?.load_1min > row.latency?.cores).map((row) => row.reference);
  const words = [
    shown.processors.length > 1 ? fill(gettext("These latencies come from different machines: %(names)s. Measure them again on one."), { names: shown.processors.join(", ") }) : "",
    busy.length ? fill(gettext("Measured while the machine had more work than cores, so slower than it would be: %(names)s. Measure them again, one after the other."), { names: busy.join(", ") }) : "",
  ].filter(Boolean);
  find("machines").hidden = words.length === 0;
  find("machines").textContent = words.join(" ");
}

function download() {
  const link = h("a", { href: URL.createObjectURL(new Blob([csvText(shown)], { type: "text/csv" })), download: "versions-compared.csv" });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

const ready = choices.sets.filter((set) => set.ready);
form.elements.set.append(...(ready.length ? ready.map((set) => option(set.id, set.name)) : [option("", gettext("no set yet"))]));
if (given.get("set")) form.elements.set.value = given.get("set");
else form.elements.set.value = "";
for (const name of ["class", "threads"]) if (given.get(name)) form.elements[name].append(option(given.get(name), given.get(name)));
form.addEventListener("change", (event) => {
  if (event.target.name === "set") form.elements.class.replaceChildren(); // another set has other classes
  load();
});
form.addEventListener("submit", (event) => event.preventDefault());
find("csv").addEventListener("click", () => shown && download());
addEventListener("themechange", () => shown && show());
load();
startMeasuring(choices, given.get("version"), load);
startSides(choices, given.get("version"));
