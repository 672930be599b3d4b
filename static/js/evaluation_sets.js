// Evaluation sets: all of them, and a form with three ways to a new one.
import { api, ApiError, apiUrl, csrf } from "./api.js";
import { classKey, inOrder } from "./classes.js";
import { h, readJson } from "./dom.js";
import { number, since } from "./format.js";
import { fill, gettext, ngettext } from "./i18n.js";
import { followJob } from "./job_progress.js";
import { toast } from "./toast.js";

const list = document.querySelector("[data-sets]");
const form = document.querySelector("[data-form]");
const stops = []; // of the jobs that are followed
let sets = readJson("sets", []);
let origin = "on_site";

const ORIGINS = { on_site: gettext("Made on site"), uploaded: gettext("Uploaded"), simulated: gettext("Simulated camera") };

function line(row) {
  const state = row.job ? null
    : row.ready ? (row.done < row.images ? h("span", { class: "state", "data-state": "stalled" }, gettext("Partly labelled")) : h("span", { class: "state", "data-state": "live" }, gettext("Ready")))
      : row.images ? h("span", { class: "state", "data-state": "stalled" }, gettext("To be labelled"))
        : h("span", { class: "state", "data-state": "failed" }, gettext("No pictures"));
  const words = [ORIGINS[row.origin], fill(ngettext("%(n)s picture", "%(n)s pictures", row.images), { n: number(row.images) }),
    row.done < row.images ? fill(gettext("%(n)s done"), { n: number(row.done) }) : "", row.blurred ? gettext("blurred") : "", since(row.created_at)];
  const box = h("div", { class: "following" });
  if (row.job) stops.push(followJob(box, row.job, (job) => {
    if (job.message) toast(job.message, "fail");
    refresh();
  }, { mayCancel: Boolean(form) }));
  return h("li", { "data-set": row.id },
    h("span", { class: "about" }, row.images ? h("a", { href: `${row.id}/` }, h("b", {}, row.name)) : h("b", {}, row.name), h("span", { class: "quiet small" }, words.filter(Boolean).join(" · ")),
      h("span", { class: "keys small" }, inOrder(Object.keys(row.boxes_per_class)).filter((x) => row.boxes_per_class[x]).map((x) => classKey(x, row.boxes_per_class[x], true)))),
    state, row.job ? box : null,
    !row.job && !row.images && row.origin === "uploaded" && form ? h("p", { class: "quiet small" }, gettext("Its zip was refused; the job on the Jobs page says why. Delete the set, or send another zip over REST.")) : null);
}

function render() {
  for (const stop of stops.splice(0)) stop();
  list.replaceChildren(...sets.map(line));
  document.querySelector("[data-empty]").hidden = sets.length > 0;
}

async function refresh() {
  sets = await api("evaluation-sets/").catch(() => sets);
  render();
}

function show() {
  for (const button of document.querySelectorAll("[data-origin]")) button.setAttribute("aria-selected", String(button.value === origin));
  for (const part of form.querySelectorAll("[data-for]")) part.hidden = !part.dataset.for.split(" ").includes(origin);
  form.elements.stills.max = origin === "simulated" ? 500 : 2000;
}

const words = (text) => text.split(",").map((x) => x.trim()).filter(Boolean);

function given() {
  const fields = form.elements;
  const common = { name: fields.name.value, origin };
  if (origin === "uploaded") {
    const covered = words(fields.covered.value);
    return { ...common, labels: covered.length ? { classes_covered: covered } : {} };
  }
  if (origin === "simulated") {
    const query = new URLSearchParams({ seed: fields.seed.value || "1", time: fields.time.value, weather: fields.weather.value });
    return { ...common, url: `sim://${fields.kind.value}?${query}`, stills: Number(fields.stills.value) };
  }
  return {
    ...common, stills: Number(fields.stills.value), period_s: Number(fields.period_s.value), classes: words(fields.classes.value),
    cameras: [...form.querySelectorAll("[name=cameras]:checked")].map((x) => Number(x.value)),
    version: fields.version.value ? Number(fields.version.value) : null, consent: fields.consent.value, blur: fields.blur.checked,
  };
}

function say(text) {
  const problem = form.querySelector("[data-problem]");
  problem.textContent = text;
  problem.hidden = !text;
}

async function make() {
  const file = form.elements.file.files[0];
  if (origin === "uploaded" && !file) return say(gettext("Choose a zip first."));
  const button = form.querySelector("[data-make]");
  button.disabled = true;
  say("");
  try {
    const row = await api("evaluation-sets/", { method: "POST", body: given() });
    if (origin === "uploaded") await send(row, file);
    form.reset();
    show();
    toast(fill(gettext("“%(name)s” is being made."), { name: row.name }));
  } catch (error) {
    say(error.message);
  } finally {
    button.disabled = false;
    await refresh();
  }
}

/** fetch() cannot tell how far an upload is. */
function send(row, file) {
  const track = form.querySelector("[data-upload]");
  track.hidden = false;
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("PUT", apiUrl(`evaluation-sets/${row.id}/archive/`));
    request.setRequestHeader("Content-Type", "application/zip");
    request.setRequestHeader("X-CSRFToken", csrf());
    request.upload.addEventListener("progress", (event) => {
      track.firstElementChild.style.width = `${(100 * event.loaded) / event.total}%`;
    });
    request.addEventListener("load", () => (request.status < 300 ? resolve() : reject(new ApiError(request.status, parsed(request.responseText)))));
    request.addEventListener("error", () => reject(new ApiError(0, null)));
    request.send(file);
  }).catch(async (error) => {
    // A set whose zip did not come is of no use; who may not delete keeps an empty line.
    await api(`evaluation-sets/${row.id}/`, { method: "DELETE" }).catch(() => null);
    throw error;
  }).finally(() => (track.hidden = true));
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

if (form) {
  for (const version of readJson("versions", [])) form.elements.version.append(h("option", { value: version.id }, version.reference));
  const cameras = readJson("cameras", []);
  form.querySelector("[data-cameras]").append(...(cameras.length ? cameras.map((camera) => h("label", { title: camera.refusal || null },
    h("input", { type: "checkbox", name: "cameras", value: camera.id, disabled: Boolean(camera.refusal) }), camera.name, camera.must_blur ? h("small", { class: "quiet" }, gettext("only blurred")) : null))
    : [h("p", { class: "quiet" }, gettext("No cameras yet."))]));
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-origin]");
    if (!button) return;
    origin = button.value;
    show();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    make();
  });
  show();
}
render();
