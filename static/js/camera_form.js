// The camera form: shows only what matters for a kind, and tests the connection before saving.
import { startConnectionTest } from "./connection_test.js";
import { readJson } from "./dom.js";
import { gettext } from "./i18n.js";
import { readPickers, simulationUrl } from "./simulation_picker.js";

const form = document.querySelector("[data-camera-form]");
const url = form.elements.url;
const kept = new Map(); // what was typed for each kind, so that looking at another kind loses nothing
let kind = form.elements.kind.value;

const KINDS = {
  rtsp: { label: () => gettext("Address"), example: "rtsp://192.168.0.20:554/stream1",
    help: () => gettext("As the camera's manual gives it. User and password may be left inside; they are taken out and encrypted.") },
  http: { label: () => gettext("Address"), example: "http://192.168.0.21/video.mjpg",
    help: () => gettext("The address of the camera's MJPEG stream.") },
  file: { label: () => gettext("Video file"), example: "junction.mp4",
    help: () => readJson("files-known", []).length
      ? gettext("Choose one of the recordings in the gateway's video folder, or type its name.")
      : gettext("Put a recording into the folder “videos” of the gateway's data folder, then type its name.") },
  usb: { label: () => gettext("Device"), example: "0",
    help: () => gettext("0 is the first USB camera; /dev/video2 also works.") },
  sim: { label: () => gettext("Address"), example: "sim://road",
    help: () => gettext("Made from the choices above. More parameters may be added by hand.") },
};

function show() {
  const words = KINDS[kind];
  for (const part of form.querySelectorAll("[data-for]")) part.hidden = !part.dataset.for.split(" ").includes(kind);
  form.querySelector("[data-url-label]").textContent = words.label();
  form.querySelector("[data-url-help]").textContent = words.help();
  url.placeholder = words.example;
  if (kind === "file") url.setAttribute("list", "files");
  else url.removeAttribute("list");
  for (const part of form.querySelectorAll("[data-for-place]")) {
    part.hidden = part.dataset.forPlace !== readPickers(form).place;
  }
}

form.addEventListener("change", (event) => {
  if (event.target.name === "kind") {
    kept.set(kind, url.value);
    kind = form.elements.kind.value;
    url.value = kept.get(kind) ?? (kind === "sim" ? simulationUrl("", readPickers(form)) : kind === "usb" ? "0" : "");
    show();
  } else if (event.target.name.startsWith("sim_")) {
    url.value = simulationUrl(url.value, readPickers(form));
    show();
  }
});

if (kind === "sim" && !url.value) url.value = simulationUrl("", readPickers(form));
show();
startConnectionTest(form);
form.querySelector("[aria-invalid=true]")?.focus();
