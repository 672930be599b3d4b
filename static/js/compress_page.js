// Compressing a version: compose a recipe, see what it would give, carry it out, read the reports.
import { api } from "./api.js";
import { RecipeEditor } from "./compress_recipe.js";
import { reportsOf, runPanel } from "./compress_report.js";
import { h, readJson } from "./dom.js";
import { number } from "./format.js";
import { fill, gettext } from "./i18n.js";
import { followJob, isOpen } from "./job_progress.js";
import { bytesText, countText } from "./sizes.js";

const PREDICT_AFTER_MS = 500;
const find = (name) => document.querySelector(`[data-${name}]`);
const version = readJson("version");
const choices = readJson("choices", { sets: [], cameras: [] });
const form = find("order");
let editor = null, timer = null, asked = 0;
let likely = ""; // where stills come from; null once somebody has chosen

async function startEditor() {
  try {
    const kinds = await api("compressions/steps/");
    editor = new RecipeEditor({ list: find("recipe"), kinds: find("kinds"), starters: find("starters") }, kinds, predictSoon);
    find("starters").hidden = find("adders").hidden = false;
  } catch (error) {
    say("problem", error.message);
  } finally {
    find("loading").hidden = true;
  }
}

function say(name, text) {
  find(name).textContent = text;
  find(name).hidden = !text;
}

function predictSoon() {
  if (likely !== null) form.elements.calibration.value = editor.usesStills() ? likely : "";
  clearTimeout(timer);
  find("start").disabled = true;
  timer = setTimeout(predict, PREDICT_AFTER_MS);
}

async function predict() {
  const mine = ++asked;
  const { steps } = editor.recipe();
  say("problem", "");
  find("prediction").hidden = !steps.length;
  find("unpredicted").hidden = steps.length > 0;
  find("predicting").hidden = !steps.length;
  if (!steps.length) return;
  try {
    const answer = await api("compressions/dry-run/", { method: "POST", body: { version: version.id, recipe: { steps } } });
    if (mine !== asked) return;
    show(answer);
    find("start").disabled = false;
  } catch (error) {
    if (mine === asked) say("problem", error.message);
  } finally {
    if (mine === asked) find("predicting").hidden = true;
  }
}

function show({ start, steps }) {
  const share = (value, whole) => (whole ? h("span", { class: value > whole ? "bad small block" : "quiet small block" }, `${number(Math.round((100 * value) / whole))} %`) : null);
  const row = (name, at, notes) => h("tr", {}, h("td", {}, name, notes ? h("span", { class: "quiet small block" }, notes) : null),
    h("td", { class: "number" }, bytesText(at.size_bytes), " ", share(at.size_bytes, start.size_bytes)),
    h("td", { class: "number" }, at.macs ? [countText(at.macs), " ", share(at.macs, start.macs)] : h("span", { class: "quiet" }, gettext("unknown"))));
  find("prediction").tBodies[0].replaceChildren(row(version.reference, start), ...steps.map((step) => (step.size_bytes === null
    ? h("tr", {}, h("td", { colspan: 3 }, step.title, h("span", { class: `${step.code === "nothing_to_do" ? "quiet" : "bad"} small block` }, step.message)))
    : row(step.title, step, step.notes.join("; ")))));
}

async function start() {
  const fields = form.elements;
  const [kind, id] = fields.calibration.value.split(":");
  const body = {
    version: version.id, recipe: editor.recipe(), stills: Number(fields.stills.value) || 32,
    ...(kind === "set" ? { calibration_set: Number(id) } : {}),
    ...(kind === "camera" ? { cameras: [Number(id)] } : kind === "cameras" ? { cameras: usable().map((x) => x.id) } : {}),
    ...(fields.evaluation_set.value ? { evaluation_set: Number(fields.evaluation_set.value) } : {}),
    ...(fields.max_images.value ? { max_images: Number(fields.max_images.value) } : {}),
  };
  say("order-problem", "");
  find("start").disabled = true;
  try {
    const run = await api("compressions/", { method: "POST", body });
    const box = panel(run);
    find("runs").prepend(box);
    box.scrollIntoView({ behavior: "smooth", block: "nearest" });
  } catch (error) {
    say("order-problem", error.message);
  } finally {
    find("start").disabled = false;
  }
}

/** A run with its reports; while it is open, followed: a step's report shows as soon as it is there. */
function panel(run) {
  const box = h("article", { class: "panel stack run" });
  const progress = h("div", { class: "follow" });
  let shown = run.reports;
  const again = () => api(`compressions/${run.id}/`).catch(() => null);
  const went = async () => {
    const row = await again();
    if (!progress.isConnected || !row || JSON.stringify(row.reports) === JSON.stringify(shown)) return;
    shown = row.reports;
    box.lastElementChild.replaceWith(reportsOf(row));
  };
  const ended = async () => box.replaceChildren(...runPanel((await again()) ?? run));
  box.append(...runPanel(run, progress));
  if (run.job && isOpen(run.job)) followJob(progress, run.job.id, ended, { mayCancel: Boolean(form), went });
  return box;
}

const usable = () => choices.cameras.filter((x) => !x.refusal && !x.must_blur);

if (form) {
  const option = (value, text) => h("option", { value }, text);
  const sets = choices.sets.map((x) => option(`set:${x.id}`, fill(gettext("pictures of %(name)s"), { name: x.name })));
  const cameras = usable().map((x) => option(`camera:${x.id}`, fill(gettext("stills of %(name)s"), { name: x.name })));
  if (cameras.length > 1) cameras.unshift(option("cameras:all", gettext("stills of all cameras")));
  form.elements.calibration.append(...cameras, ...sets);
  likely = (cameras[0] ?? sets[0])?.value ?? "";
  form.elements.calibration.addEventListener("change", () => { likely = null; });
  const ready = choices.sets.filter((x) => x.ready).sort((a, b) => b.done - a.done); // the largest says most
  form.elements.evaluation_set.append(...ready.map((x) => option(x.id, x.name)));
  if (ready.length) form.elements.evaluation_set.value = ready[0].id;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    start();
  });
  startEditor();
}
find("runs")?.append(...readJson("runs", []).map(panel));
