// The form for a new recount: lines of the chosen camera, and only the fields of the chosen kind.
import { h, readJson } from "./dom.js";

const form = document.querySelector("[data-new]");
const cameras = readJson("cameras", []);

function refresh() {
  const camera = cameras.find((one) => String(one.id) === form.elements.camera.value);
  const chosen = new Set([...form.querySelectorAll("[name=lines]:checked")].map((box) => box.value));
  const lines = camera?.lines ?? [];
  form.querySelector("[data-lines]").replaceChildren(...lines.map((line) => h(
    "label",
    {},
    h("input", { type: "checkbox", name: "lines", value: line.id, checked: !chosen.size || chosen.has(line.id) }),
    line.name,
  )));
  const kind = form.elements.kind.value;
  for (const part of form.querySelectorAll("[data-kind]")) part.hidden = part.dataset.kind !== kind;
  const own = form.querySelector("[data-own-clip]");
  if (own) own.disabled = !camera?.own_clip;
}

if (form) {
  form.elements.camera.addEventListener("change", () => {
    form.querySelector("[data-lines]").replaceChildren();
    refresh();
  });
  for (const radio of form.querySelectorAll("[name=kind]")) radio.addEventListener("change", refresh);
  refresh();
}
