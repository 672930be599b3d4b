// Uploading models in parts: drop or choose, watch it go, go on after a broken connection, read the verdict.
import { api, ApiError, apiUrl, csrf } from "./api.js";
import { h, readJson } from "./dom.js";
import { fill, gettext } from "./i18n.js";
import { bytesText } from "./sizes.js";

const PART = 1024 * 1024;
const TRIES = 20;

const box = document.querySelector("[data-upload]");
const list = box.querySelector("[data-uploads]");
const zone = box.querySelector("[data-dropzone]");
const picker = box.querySelector("[data-files]");

for (const upload of readJson("uploads", [])) show(row(upload.file_name), upload);

picker.addEventListener("change", () => {
  for (const file of picker.files) send(file);
  picker.value = "";
});
for (const name of ["dragover", "dragleave", "drop"]) {
  zone.addEventListener(name, (event) => {
    event.preventDefault();
    zone.classList.toggle("over", name === "dragover");
  });
}
zone.addEventListener("drop", (event) => {
  for (const file of event.dataTransfer.files) send(file);
});

async function send(file) {
  const line = row(file.name);
  const cancel = new AbortController();
  line.cancel.hidden = false;
  line.cancel.addEventListener("click", () => cancel.abort());
  let upload = null;
  try {
    upload = await api("uploads/", { method: "POST", body: described(file), signal: cancel.signal });
    while (upload.received_bytes < file.size) {
      upload = await part(file, upload, cancel.signal);
      progress(line, upload.received_bytes, file.size);
    }
    line.cancel.hidden = true;
    upload = await api(`uploads/${upload.id}/finish/`, { method: "POST" });
    await verdict(line, upload);
  } catch (error) {
    line.cancel.hidden = true;
    if (upload && upload.state === "receiving") await api(`uploads/${upload.id}/`, { method: "DELETE" }).catch(() => null);
    if (error.name === "AbortError") line.element.remove();
    else show(line, { state: "rejected", message: error.message, advice: "" });
  }
}

function described(file) {
  const value = (name) => box.querySelector(`[data-${name}]`).value.trim();
  return { file_name: file.name, size_bytes: file.size, model: value("model"), licence: value("licence"), source: value("source") };
}

/** One part; after a broken connection it asks how much has arrived and tries again. */
async function part(file, upload, signal) {
  for (let tried = 1; ; tried++) {
    try {
      const offset = upload.received_bytes;
      const answer = await fetch(apiUrl(`uploads/${upload.id}/content/`), {
        method: "PATCH", signal, credentials: "same-origin", body: file.slice(offset, offset + PART),
        headers: { "Content-Type": "application/octet-stream", "Upload-Offset": String(offset), "X-CSRFToken": csrf() },
      });
      const document_ = await answer.json().catch(() => null);
      if (answer.ok) return document_;
      if (answer.status !== 409) throw new ApiError(answer.status, document_);
    } catch (error) {
      if (error.name === "AbortError" || error instanceof ApiError || tried >= TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, Math.min(500 * tried, 5000)));
    }
    upload = await api(`uploads/${upload.id}/`, { signal }).catch(() => upload);
  }
}

async function verdict(line, upload) {
  while (upload.state === "inspecting") {
    show(line, upload);
    await new Promise((resolve) => setTimeout(resolve, 700));
    upload = await api(`uploads/${upload.id}/`).catch(() => upload);
  }
  show(line, upload);
}

function row(name) {
  const line = {
    state: h("span", { class: "state", "data-state": "connecting" }),
    fill: h("i"), why: h("div", { class: "why" }), size: h("span", { class: "quiet small numbers" }),
    cancel: h("button", { class: "button plain", type: "button", hidden: true }, gettext("Cancel")),
  };
  line.track = h("div", { class: "bar-track", hidden: true }, line.fill);
  line.element = h("li", {}, h("span", {}, h("b", {}, name), " ", line.size), h("span", { class: "row" }, line.state, line.cancel), line.track, line.why);
  list.prepend(line.element);
  return line;
}

function progress(line, received, size) {
  line.track.hidden = false;
  line.fill.style.width = `${(100 * received) / size}%`;
  line.size.textContent = fill(gettext("%(received)s of %(size)s"), { received: bytesText(received), size: bytesText(size) });
  line.state.textContent = gettext("Uploading");
}

function show(line, upload) {
  const words = { receiving: gettext("Not finished"), inspecting: gettext("Inspecting"), accepted: gettext("Accepted"), rejected: gettext("Rejected") };
  const shape = { receiving: "paused", inspecting: "connecting", accepted: "live", rejected: "failed" };
  line.state.textContent = words[upload.state];
  line.state.dataset.state = shape[upload.state];
  line.track.hidden = true;
  if (upload.state === "rejected") {
    line.why.replaceChildren(h("div", { class: "notice plain-words fail" }, h("b", {}, upload.title || upload.message), upload.advice ? h("p", {}, upload.advice) : null,
      upload.title ? h("details", { class: "small" }, h("summary", {}, gettext("What was found")), h("p", {}, upload.message)) : null));
  } else if (upload.state === "accepted") {
    line.why.replaceChildren(h("a", { href: `/models/versions/${upload.version}/` }, upload.known
      ? fill(gettext("It was there already: %(name)s"), { name: upload.version_name })
      : fill(gettext("Now in the registry: %(name)s"), { name: upload.version_name })));
  }
}
