// Ordering measurements, following them, and the latest results in words.
import { api } from "./api.js";
import { h } from "./dom.js";
import { decimal, number, since } from "./format.js";
import { fill, gettext, ngettext } from "./i18n.js";
import { followJob, isOpen } from "./job_progress.js";
import { toast } from "./toast.js";

const LATEST = 12;
const find = (name) => document.querySelector(`[data-${name}]`);
const percent = (value) => (value === null || value === undefined ? "–" : decimal(100 * value, 1));
const share = (value) => (value === null || value === undefined ? "–" : decimal(value, 3));
const followed = new Set();
let kind = "latency";

export function startMeasuring(choices, version, measured) {
  const form = find("measure-form");
  refresh(measured);
  if (!form) return;
  const option = (value, text) => h("option", { value }, text);
  for (const name of ["version", "other"]) form.elements[name].append(...choices.versions.map((x) => option(x.id, x.reference)));
  if (version) form.elements.version.value = version;
  if (choices.versions.length > 1) form.elements.other.value = (choices.versions.find((x) => String(x.id) !== form.elements.version.value) ?? choices.versions[0]).id;
  form.elements.clip.append(...(choices.clips.length ? choices.clips.map((x) => option(x, x)) : [option("", gettext("no video in the gateway's folders"))]));
  const show = () => {
    for (const button of document.querySelectorAll("[data-kind]")) button.setAttribute("aria-selected", String(button.value === kind));
    for (const part of form.querySelectorAll("[data-for]")) part.hidden = !part.dataset.for.split(" ").includes(kind);
    const sets = choices.sets.filter((x) => (kind === "accuracy" ? x.ready : x.images));
    form.elements.evaluation_set.replaceChildren(...(sets.length ? sets.map((x) => option(x.id, `${x.name} (${number(kind === "accuracy" ? x.done : x.images)})`)) : [option("", gettext("make a set first"))]));
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-kind]");
    if (!button) return;
    kind = button.value;
    show();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    order(form, measured);
  });
  show();
}

function wholes(input) {
  const parts = input.value.split(",").map((x) => x.trim());
  if (parts.every((x) => /^\d+$/.test(x))) return parts.map(Number);
  throw new Error(fill(gettext("%(field)s: expected whole numbers separated by commas, such as 1, 2, 4, got “%(text)s”."), { field: input.labels[0].textContent, text: input.value }));
}

async function given(fields) {
  const body = { kind, version: Number(fields.version.value) };
  if (kind === "latency") return { ...body, threads: wholes(fields.threads), batch_sizes: wholes(fields.batch_sizes), seconds: Number(fields.seconds.value) };
  if (kind === "counts") return { ...body, clip: fields.clip.value, truth: await truth(fields.truth.files[0]) };
  const images = fields.max_images.value ? { max_images: Number(fields.max_images.value) } : {};
  const set = fields.evaluation_set.value ? { evaluation_set: Number(fields.evaluation_set.value) } : {};
  return { ...body, ...set, ...images, ...(kind === "agreement" ? { other: Number(fields.other.value) } : {}) };
}

async function truth(file) {
  if (!file) throw new Error(gettext("Choose a ground-truth file (.json) first."));
  try {
    return JSON.parse(await file.text());
  } catch (error) {
    throw new Error(fill(gettext("This is not a JSON file: %(error)s"), { error: error.message }));
  }
}

async function order(form, measured) {
  const problem = find("measure-problem"), button = find("start");
  button.disabled = true;
  problem.hidden = true;
  try {
    await api("benchmarks/", { method: "POST", body: await given(form.elements) });
    await refresh(measured);
  } catch (error) {
    problem.textContent = error.message;
    problem.hidden = false;
  } finally {
    button.disabled = false;
  }
}

async function refresh(measured) {
  const rows = await api("benchmarks/").catch(() => null);
  if (!rows) return;
  for (const row of rows.filter((x) => x.job && isOpen(x.job) && !followed.has(x.job.id))) follow(row.job.id, measured);
  const done = rows.filter((row) => row.result || (row.job && row.job.state === "failed")).slice(0, LATEST);
  find("measured").replaceChildren(...done.map(line));
  find("unmeasured").hidden = done.length > 0;
}

function follow(id, measured) {
  const box = h("div", { class: "follow" });
  const place = find("following");
  if (!place) return;
  followed.add(id);
  place.append(box);
  followJob(box, id, async (job) => {
    box.remove();
    if (job.message) toast(job.message, "fail");
    await refresh(measured);
    measured();
  });
}

const WORDS = {
  latency: (row) => row.result.runs.map((run) => {
    const threads = fill(ngettext("%(n)s thread", "%(n)s threads", run.threads), { n: run.threads });
    const p95 = run.end_to_end.p95_ms === null ? "" : fill(gettext(", p95 %(p95)s ms"), { p95: decimal(run.end_to_end.p95_ms, 1) });
    return `${threads}: ${decimal(run.end_to_end.p50_ms, 1)} ms${p95}, ${fill(gettext("%(cpu)s ms of processor time"), { cpu: decimal(run.cpu_ms_per_frame, 1) })}`;
  }).join(" · "),
  accuracy: (row) => fill(gettext("AP50 %(ap50)s, AP50:95 %(ap)s, mean of the classes, on %(n)s pictures of %(set)s"), { ap50: share(row.result.mean_ap50), ap: share(row.result.mean_ap50_95), n: number(row.result.images), set: row.set_name ?? gettext("a deleted set") }),
  agreement: (row) => fill(gettext("agrees with %(other)s on %(share)s % of the boxes of %(n)s pictures (agreement, not accuracy)"), { other: row.other_name, share: percent(row.result.total.share), n: number(row.result.frames) }),
  counts: (row) => {
    const total = row.result.total;
    const lines = total ? fill(gettext("crossings: F1 %(f1)s, found %(found)s of %(truth)s, WAPE %(wape)s %"), { f1: decimal(total.f1, 2), found: total.matched, truth: total.truth, wape: percent(row.result.wape) }) : "";
    const zones = Object.entries(row.result.zones ?? {}).map(([name, score]) => fill(gettext("visits in %(name)s: F1 %(f1)s"), { name, f1: decimal(score.f1, 2) }));
    return [row.parameters.clip, lines, ...zones].filter(Boolean).join(" · ");
  },
};
const KINDS = { latency: gettext("Latency"), accuracy: gettext("Accuracy"), agreement: gettext("Agreement"), counts: gettext("Counts") };

function line(row) {
  const machine = row.result?.machine;
  const busy = machine?.load_1min > machine?.cores_usable;
  return h("li", {}, h("span", { class: "title" }, h("b", {}, `${KINDS[row.kind]} · ${row.version_name}`), h("span", { class: "quiet small numbers" }, since(row.created_at))),
    row.result ? h("span", {}, WORDS[row.kind](row)) : h("span", { class: "bad" }, row.job.message),
    machine && row.kind === "latency" ? h("span", { class: busy ? "small warn-words" : "quiet small" }, busy ? fill(gettext("%(name)s, which was busy with other work (load %(load)s on %(cores)s cores)"), { name: machine.processor, load: decimal(machine.load_1min, 1), cores: machine.cores_usable }) : machine.processor) : null);
}
