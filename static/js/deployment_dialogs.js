// The dialogs: which detector to deploy, which version to name, which one to run in the shadow.
import { api } from "./api.js";
import { h, readJson } from "./dom.js";
import { fill, gettext } from "./i18n.js";
import { camerasWord, detectorWord, placeWord } from "./deployment_words.js";

const VERSIONS = readJson("versions", []);
const MOST_NAMES = 4;

const option = (value, words, attributes = {}) => h("option", { value, ...attributes }, words);
const group = (label, options) => (options.length ? h("optgroup", { label }, ...options) : null);

/** Opens a dialog; `send` is called with its form and may throw what a person should read. */
function ask(name, prepare, send, done) {
  const dialog = document.querySelector(`dialog[data-${name}]`);
  const part = (which) => dialog.querySelector(`[data-${which}]`);
  const error = part("error");
  error.hidden = true;
  prepare(part);
  const go = dialog.querySelector("button[type=submit]");
  dialog.querySelector("form").onsubmit = async (event) => {
    event.preventDefault();
    go.disabled = true;
    go.classList.add("busy");
    try {
      const answer = await send(part);
      dialog.close();
      done(answer, part("choice").value);
    } catch (problem) {
      error.textContent = problem.message;
      error.hidden = false;
    } finally {
      go.disabled = false;
      go.classList.remove("busy");
    }
  };
  part("cancel").onclick = () => dialog.close();
  dialog.showModal();
}

export function askDeploy(entry, inService, done) {
  const isCamera = "camera" in entry && entry.name !== undefined;
  const aliases = inService.targets.filter(({ target }) => target === "alias");
  const body = isCamera ? { target: "camera", camera: entry.camera } : { target: entry.target, ...(entry.module ? { module: entry.module } : {}) };
  const reach = isCamera ? [entry.name] : names(entry.reach, inService);
  ask("deploy", (part) => {
    part("title").textContent = fill(gettext("Deploy to %(place)s"), { place: isCamera ? entry.name : placeWord(entry) });
    const now = entry.chosen;
    const taken = (reference) => (reference === now ? { disabled: true } : {});
    part("choice").replaceChildren(...[
      isCamera || entry.target === "module" ? option("", gettext("None of its own: follow the gateway"), now ? {} : { disabled: true }) : null,
      group(gettext("Names, which may move"), aliases.map(({ alias, version_name: version }) => option(alias, `${alias} → ${version}`, taken(alias)))),
      group(gettext("Versions"), VERSIONS.map(({ reference }) => option(reference, reference, taken(reference)))),
      group(gettext("Built in"), [option("motion", detectorWord("motion"), taken("motion"))]),
    ].filter(Boolean));
    const first = [...part("choice").options].find(({ disabled, value }) => !disabled && value !== "");
    if (first) part("choice").value = first.value;
    part("reach").textContent = reachWord(reach);
  }, (part) => api("deployments/", { method: "POST", body: { ...body, detector: part("choice").value } }), done);
}

/** Moves a name, or gives a version its first one when `entry` is null. */
export function askAlias(entry, inService, done) {
  const model = entry?.alias.split("@")[0];
  ask("alias", (part) => {
    part("title").textContent = entry ? fill(gettext("Move %(alias)s"), { alias: entry.alias }) : gettext("Name a version");
    part("choice").replaceChildren(...VERSIONS.filter(({ reference }) => !entry || reference.split(":")[0] === model)
      .map(({ id, reference }) => option(id, reference, entry && id === entry.version ? { disabled: true } : {})));
    const first = [...part("choice").options].find(({ disabled }) => !disabled);
    if (first) part("choice").value = first.value;
    part("name-field").hidden = Boolean(entry);
    part("name").value = entry ? entry.alias.split("@")[1] : "";
    part("go").textContent = entry ? gettext("Move") : gettext("Name it");
    part("reach").textContent = entry ? reachWord(names(entry.cameras, inService)) : "";
  }, (part) => api("deployments/", { method: "POST", body: { target: "alias", alias: { version: Number(part("choice").value), name: part("name").value.trim() } } }), done);
}

export function askShadow(entry, done) {
  ask("shadow", (part) => {
    part("title").textContent = fill(gettext("Try a candidate on %(camera)s"), { camera: entry.name });
    part("choice").replaceChildren(...VERSIONS.filter(({ id }) => id !== entry.version).map(({ id, reference }) => option(id, reference)));
  }, (part) => {
    if (!part("choice").value) throw new Error(gettext("There is no other version. Upload one on the page Models."));
    return api("shadows/", { method: "POST", body: { camera: entry.camera, version: Number(part("choice").value) } });
  }, done);
}

const names = (ids, { cameras }) => cameras.filter(({ camera }) => ids.includes(camera)).map(({ name }) => name);

function reachWord(reach) {
  if (!reach.length) return gettext("No camera uses this now.");
  const shown = reach.slice(0, MOST_NAMES).join(", ") + (reach.length > MOST_NAMES ? " …" : "");
  return fill(gettext("Affects %(cameras)s: %(names)s."), { cameras: camerasWord(reach.length), names: shown });
}
