// One version: try it on a picture, pick its contract by eye, delete it.
import { api, ApiError, apiUrl, csrf } from "./api.js";
import { paintBoxes } from "./boxes.js";
import { h, readJson } from "./dom.js";
import { fill, gettext, ngettext } from "./i18n.js";
import { toast } from "./toast.js";

const version = readJson("version");
const readings = document.querySelector("[data-readings]");
const mayChoose = document.querySelector("[data-delete]") !== null;

document.querySelector("[data-picture]").addEventListener("change", (event) => {
  const [file] = event.target.files;
  event.target.value = "";
  if (file) run(file);
});

async function run(picture, others = false) {
  readings.replaceChildren(h("p", { class: "quiet", role: "status" }, h("span", { class: "button plain busy" }, gettext("The model looks at the picture"))));
  try {
    const answer = await fetch(apiUrl(`versions/${version.id}/preview/${others ? "?others=1" : ""}`), {
      method: "POST", credentials: "same-origin", body: picture,
      headers: { "Content-Type": picture.type || "image/jpeg", "X-CSRFToken": csrf() },
    }).catch(() => { throw new ApiError(0, null); });
    const found = await answer.json().catch(() => null);
    if (!answer.ok) throw new ApiError(answer.status, found);
    const image = await decoded(picture);
    readings.replaceChildren(...found.results.map((result) => reading(result, image)));
    if (version.contract && !others && mayChoose) {
      readings.append(h("p", { class: "quiet small" }, gettext("Boxes in the wrong place, or of the wrong class?"), " ",
        h("button", { class: "button plain", type: "button", onclick: () => run(picture, true) }, gettext("Try other contracts"))));
    }
  } catch (error) {
    readings.replaceChildren(h("p", { class: "notice plain-words fail", role: "alert" }, error.message));
  }
}

async function decoded(picture) {
  const image = new Image();
  image.src = URL.createObjectURL(picture);
  await image.decode();
  URL.revokeObjectURL(image.src);
  return image;
}

function reading(result, image) {
  const title = h("header", {}, h("b", {}, [result.contract?.layout, ...Object.entries(result.varied).map(([name, value]) => `${name} ${value}`)].join(", ")),
    h("span", { class: "quiet small" }, result.error ? "" : fill(ngettext("%(n)s object", "%(n)s objects", result.boxes.length), { n: result.boxes.length })));
  if (result.error) return h("article", { class: "reading" }, title, h("p", { class: "notice plain-words" }, result.error.message));
  const canvas = h("canvas", { role: "img", "aria-label": fill(gettext("Boxes under the layout %(layout)s"), { layout: result.contract.layout }) });
  paintBoxes(canvas, image, result.boxes);
  const chosen = same(result.contract, version.contract);
  return h("article", { class: "reading" }, title, canvas,
    h("p", { class: "quiet small" }, result.reason),
    chosen ? h("span", { class: "state", "data-state": "live" }, gettext("In use"))
      : mayChoose ? h("button", { class: "button first", type: "button", onclick: () => choose(result.contract) }, gettext("Use this contract")) : null);
}

const same = (a, b) => a && b && JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
const sorted = (document_) => Object.entries(document_).sort(([a], [b]) => a.localeCompare(b));

async function choose(contract) {
  try {
    const answer = await api(`versions/${version.id}/contract/`, { method: "PUT", body: contract });
    location.assign(`/models/versions/${answer.id}/`);
  } catch (error) {
    toast(error.message, "fail");
  }
}

// The page's policy lets no fetch read a data: URL.
function blobOf(dataUrl) {
  const bytes = Uint8Array.from(atob(dataUrl.split(",")[1]), (letter) => letter.charCodeAt(0));
  return new Blob([bytes], { type: "image/jpeg" });
}

// --- A still of a camera, from the camera's own connection test ---
async function offerCameras() {
  const field = document.querySelector("[data-cameras]");
  const cameras = await api("cameras/").catch(() => []);
  const select = field.querySelector("select");
  for (const camera of cameras) select.append(h("option", { value: camera.id }, camera.name));
  field.hidden = cameras.length === 0;
  select.addEventListener("change", async () => {
    if (!select.value) return;
    readings.replaceChildren(h("p", { class: "quiet" }, h("span", { class: "button plain busy" }, gettext("Opening the camera"))));
    try {
      const answer = await api(`cameras/${select.value}/test/`, { method: "POST", body: {} });
      if (!answer.ok) throw new Error(`${answer.message} ${answer.advice}`);
      await run(blobOf(answer.still));
    } catch (error) {
      readings.replaceChildren(h("p", { class: "notice plain-words fail", role: "alert" }, error.message));
    }
    select.value = "";
  });
}
offerCameras();

// --- Deleting ---
const dialog = document.querySelector("[data-delete-dialog]");
document.querySelector("[data-delete]")?.addEventListener("click", () => dialog.showModal());
dialog.querySelector("form").addEventListener("submit", async (event) => {
  if (event.submitter?.value !== "delete") return;
  event.preventDefault();
  const error = dialog.querySelector("[data-error]");
  const typed = dialog.querySelector("input").value.trim();
  try {
    if (typed !== version.reference) throw new Error(gettext("That is not the version's name. Nothing was deleted."));
    await api(`versions/${version.id}/`, { method: "DELETE" });
    location.assign("/models/");
  } catch (problem) {
    error.textContent = problem.message;
    error.hidden = false;
  }
});
