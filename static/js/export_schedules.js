// Files that are written regularly: made in a dialog, listed, run, paused, deleted.
import { api, apiUrl } from "./api.js";
import { h, readJson } from "./dom.js";
import { binWord } from "./export_order.js";
import { dayMinute, moment, number } from "./format.js";
import { fill, gettext, ngettext } from "./i18n.js";
import { toast } from "./toast.js";

const find = (name) => document.querySelector(`[data-${name}]`);
const may = readJson("may", {});
const LOOK_AGAIN_MS = 3000;
const EVERY = {
  hour: () => gettext("every hour, %(minute)s min past"),
  day: () => gettext("every day at %(at)s"),
  week: () => gettext("every Monday at %(at)s"),
  month: () => gettext("on the first of every month at %(at)s"),
};
let timer = 0;

/** List them; while one waits to be written, look again. */
export async function showSchedules() {
  clearTimeout(timer);
  const list = find("schedules");
  const open = new Set([...list.querySelectorAll("details[open]")].map((details) => details.dataset.id));
  try {
    const schedules = await api("exports/schedules/");
    list.replaceChildren(...schedules.map((schedule) => item(schedule, open.has(String(schedule.id)))));
    find("no-schedules").hidden = schedules.length > 0;
    if (schedules.some((schedule) => schedule.waiting)) timer = setTimeout(showSchedules, LOOK_AGAIN_MS);
  } catch (error) {
    toast(error.message, "fail");
  }
}

function item(schedule, open) {
  const often = fill(EVERY[schedule.every](), { at: schedule.at, minute: Number(schedule.at.slice(3)) });
  const what = [schedule.title, schedule.format.toUpperCase(), schedule.bin ? binWord(schedule.bin) : "", often];
  return h("li", {},
    h("div", { class: "about" }, h("b", {}, schedule.name), h("span", { class: "quiet" }, what.filter(Boolean).join(" · ")), state(schedule)),
    may.change ? actions(schedule) : null,
    schedule.last_error ? h("p", { class: "notice plain-words fail", role: "alert" }, fill(gettext("The last file could not be written: %(why)s It is tried again every minute."), { why: ended(schedule.last_error) })) : null,
    schedule.skipped ? h("p", { class: "notice plain-words warn" }, fill(ngettext("%(n)s period was left out: the gateway was off for too long.", "%(n)s periods were left out: the gateway was off for too long.", schedule.skipped), { n: number(schedule.skipped) })) : null,
    files(schedule, open));
}

const ended = (text) => (/[.!?]$/.test(text) ? text : `${text}.`);

function state(schedule) {
  if (schedule.waiting) return h("span", { class: "state", "data-state": "connecting" }, gettext("Being written"));
  const [word, shape] = schedule.enabled ? [gettext("On"), "live"] : [gettext("Paused"), "paused"];
  const last = schedule.last_run_at ? fill(gettext("last file %(when)s"), { when: dayMinute(moment(schedule.last_run_at)) }) : gettext("no file yet");
  return h("span", { class: "row" }, h("span", { class: "state", "data-state": shape }, word), h("span", { class: "quiet small" }, last));
}

function actions(schedule) {
  const path = `exports/schedules/${schedule.id}/`;
  const button = (text, act, name = "") => h("button", { class: `button ${name}`, type: "button", onclick: () => attempt(act), disabled: schedule.waiting && !name }, text);
  return h("div", { class: "actions" },
    button(gettext("Run now"), () => api(`${path}run/`, { method: "POST" })),
    button(schedule.enabled ? gettext("Pause") : gettext("Resume"), () => api(path, { method: "PATCH", body: { enabled: !schedule.enabled } }), "plain"),
    may.delete ? button(gettext("Delete"), () => remove(schedule, path), "plain danger") : null);
}

async function remove(schedule, path) {
  await api(path, { method: "DELETE" });
  toast(fill(gettext("“%(name)s” is deleted. Its files stay in their folder."), { name: schedule.name }));
}

async function attempt(act) {
  try {
    await act();
  } catch (error) {
    toast(error.message, "fail");
  }
  await showSchedules();
}

function files(schedule, open) {
  if (!schedule.files.length) return null;
  const words = ngettext("%(n)s file", "%(n)s files", schedule.files.length);
  return h("details", { "data-id": schedule.id, open },
    h("summary", {}, fill(words, { n: number(schedule.files.length) })),
    h("ul", { class: "files" }, ...schedule.files.map((file) => h("li", {},
      h("a", { href: apiUrl(`exports/schedules/${schedule.id}/files/${encodeURIComponent(file.name)}/`), download: true }, file.name),
      h("span", { class: "quiet small numbers" }, `${size(file.bytes)} · ${dayMinute(moment(file.written_at))}`)))));
}

const size = (bytes) => (bytes < 1e6 ? `${number(Math.max(1, Math.round(bytes / 1e3)))} kB` : `${number(Math.round(bytes / 1e5) / 10)} MB`);

/** The dialog that makes a schedule of what is chosen above. */
export function startScheduling(order) {
  const dialog = find("schedule-dialog");
  if (!dialog) return;
  const form = find("schedule-form");
  const problem = find("schedule-problem");
  find("schedule").addEventListener("click", () => {
    problem.hidden = true;
    dialog.showModal();
  });
  form.addEventListener("submit", async (event) => {
    if (event.submitter?.value !== "save") return;
    event.preventDefault();
    const { name, every, at, keep_files } = form.elements;
    const body = { ...order(), name: name.value.trim(), every: every.value, at: at.value, keep_files: Number(keep_files.value) };
    try {
      await api("exports/schedules/", { method: "POST", body });
      dialog.close();
      form.reset();
      await showSchedules();
    } catch (error) {
      problem.textContent = error.message;
      problem.hidden = false;
    }
  });
}
