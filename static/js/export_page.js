// The page for exports: form → preview and address of the file; schedules stand below.
import { api, apiUrl } from "./api.js";
import { h, readJson } from "./dom.js";
import { binWord, fillRadios, fillWhats, orderOf, queryOf, read, remember } from "./export_order.js";
import { showSchedules, startScheduling } from "./export_schedules.js";
import { gettext } from "./i18n.js";
import { presetPeriod, PRESETS } from "./period.js";

const find = (name) => document.querySelector(`[data-${name}]`);
const form = find("order");
const { whats, formats } = readJson("catalogue", { whats: [], formats: {} });
let abort = null;
let waiting = 0;

const chosen = () => whats.find((what) => what.what === form.elements.what.value);

function showControls() {
  const what = chosen();
  fillRadios(find("formats"), "format", what.formats, (name) => formats[name]);
  fillRadios(find("bins"), "bin", what.bins, binWord);
  find("bin-field").hidden = !what.bins.length;
  let any = false;
  for (const field of form.querySelectorAll("[data-for]")) {
    field.hidden = !field.dataset.for.split(" ").includes(what.what);
    any ||= !field.hidden;
  }
  find("details").hidden = !any;
}

const order = () => orderOf(form, chosen());

async function preview() {
  const { from, to } = form.elements;
  abort?.abort();
  if (!from.value || !to.value || from.value >= to.value) return refuse(gettext("Choose a beginning that is before the end."));
  const query = queryOf(order(), from.value, to.value);
  const link = find("download");
  link.href = `${apiUrl("exports/file/")}?${query}`;
  const mine = (abort = new AbortController());
  try {
    const answer = await api(`exports/preview/?${query}`, { signal: mine.signal });
    say("");
    find("file-name").textContent = answer.file_name;
    find("preview").replaceChildren(...(answer.columns.length ? [table(answer)] : []));
    find("hint").textContent = hint(answer);
    link.removeAttribute("aria-disabled");
    remember(order());
  } catch (error) {
    if (error.name !== "AbortError") refuse(error.message);
  }
}

/** Say why there is no such file; nothing can be downloaded. */
function refuse(text) {
  say(text);
  find("preview").replaceChildren();
  find("hint").textContent = "";
  find("file-name").textContent = "–";
  find("download").removeAttribute("href");
  find("download").setAttribute("aria-disabled", "true");
}

function hint(answer) {
  if (order().format === "xlsx") return gettext("The workbook is written first; its download begins when it is whole.");
  if (!answer.columns.length) return "";
  if (!answer.rows.length) return gettext("Nothing was stored in this period: the file will have a header only.");
  return gettext("The first rows. The download begins at once and goes on while it is read.");
}

function table({ columns, rows }) {
  return h("table", { class: "table small" },
    h("thead", {}, h("tr", {}, ...columns.map((name) => h("th", { scope: "col" }, name)))),
    h("tbody", {}, ...rows.map((row) => h("tr", {}, ...row.map((value) =>
      value === null ? h("td", { class: "gap", title: gettext("empty") }, "·") : h("td", { class: typeof value === "number" ? "number" : "" }, String(value)))))));
}

function say(text) {
  find("problem").hidden = !text;
  find("problem").textContent = text;
}

function preset(name) {
  const { from, to } = presetPeriod(name);
  form.elements.from.value = from;
  form.elements.to.value = to;
  mark(name);
}

function mark(name) {
  for (const button of form.querySelectorAll("[data-preset]")) button.setAttribute("aria-pressed", String(button.value === name));
}

/** Wait until nothing was typed for a moment. */
function soon() {
  clearTimeout(waiting);
  waiting = setTimeout(preview, 250);
}

form.addEventListener("click", (event) => {
  const button = event.target.closest("[data-preset]");
  if (!button) return;
  preset(button.value);
  preview();
});
form.addEventListener("input", (event) => {
  if (event.target.name === "what") showControls();
  if (["from", "to"].includes(event.target.name)) mark("");
  soon();
});
form.addEventListener("submit", (event) => event.preventDefault());

const kept = read();
fillWhats(form.elements.what, whats);
if (whats.some((what) => what.what === kept.what)) form.elements.what.value = kept.what;
for (const name of ["country", "state_code", "functional_class", "heading", "lanes", "county_code", "latitude", "longitude"]) {
  if (kept[name] !== undefined) form.elements[name].value = kept[name];
}
showControls();
preset(Object.keys(PRESETS)[1]);
preview();
startScheduling(order);
showSchedules();
