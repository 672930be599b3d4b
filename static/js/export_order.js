// The order that the page for exports describes: as a query of the file, and as a schedule.
import { h } from "./dom.js";
import { fill, gettext, ngettext } from "./i18n.js";

const KEPT = "export-order";
const GROUPS = [
  [() => gettext("Tables"), ["counts", "speeds", "movements", "footfall", "zones", "crossings", "visits"]],
  [() => gettext("Layouts"), ["classified", "turning"]],
  [() => gettext("For authorities"), ["tmg", "datex", "datex_sites"]],
];

export const binWord = (minutes) => {
  if (minutes === 1440) return gettext("day");
  if (minutes === 60) return gettext("1 h");
  return fill(ngettext("%(n)s min", "%(n)s min", minutes), { n: minutes });
};

/** Fill the list of what there is, in groups. */
export function fillWhats(select, whats) {
  for (const [title, names] of GROUPS) {
    const inside = whats.filter((what) => names.includes(what.what));
    select.append(h("optgroup", { label: title() }, ...inside.map((what) => h("option", { value: what.what }, what.title))));
  }
}

/** Radio buttons; the one that was chosen stays where it still exists. */
export function fillRadios(box, name, values, word) {
  const before = box.querySelector("input:checked")?.value ?? read()[name];
  const chosen = values.map(String).includes(before) ? before : String(values.includes(60) ? 60 : values[0]);
  box.replaceChildren(...values.map((value) =>
    h("label", {}, h("input", { type: "radio", name, value, checked: String(value) === chosen }), word(value))));
}

/** The fields of the form that count for what is chosen: name → text, cameras → list of ids. */
export function orderOf(form, what) {
  const order = { what: what.what, cameras: [...form.querySelectorAll("[name=camera]:checked")].map((box) => Number(box.value)) };
  order.format = form.querySelector("[name=format]:checked")?.value ?? "";
  if (what.bins.length) order.bin = Number(form.querySelector("[name=bin]:checked")?.value);
  for (const field of form.querySelectorAll("[data-for]")) {
    const input = field.querySelector("input, select");
    if (field.dataset.for.split(" ").includes(what.what) && input.value !== "") {
      order[input.name] = input.type === "number" || input.name === "heading" ? Number(input.value) : input.value.trim();
    }
  }
  return order;
}

/** The query of the file. */
export function queryOf(order, from, to) {
  const { cameras, ...rest } = order;
  const query = new URLSearchParams({ ...rest, from, to });
  if (cameras.length) query.set("camera", cameras.join(","));
  return query;
}

/** What was chosen last in this browser. */
export function read() {
  try {
    return JSON.parse(localStorage.getItem(KEPT)) ?? {};
  } catch {
    return {};
  }
}

export function remember(order) {
  try {
    localStorage.setItem(KEPT, JSON.stringify({ ...order, bin: String(order.bin ?? "") }));
  } catch {
    // A browser that keeps nothing asks again next time.
  }
}
