// Jobs while they run and after; open ones are asked for again each second.
import { api } from "./api.js";
import { h, readJson } from "./dom.js";
import { duration, since } from "./format.js";
import { fill, gettext } from "./i18n.js";
import { toast } from "./toast.js";

const list = document.querySelector("[data-jobs]");
const mayCancel = "mayCancel" in list.dataset;
let jobs = readJson("jobs", []);

const WORDS = {
  queued: [gettext("Waiting"), "paused"], running: [gettext("Running"), "connecting"], succeeded: [gettext("Done"), "live"],
  failed: [gettext("Failed"), "failed"], cancelled: [gettext("Cancelled"), "ended"],
};
const isOpen = (job) => job.state === "queued" || job.state === "running";

function line(job) {
  const [word, shape] = WORDS[job.state];
  const percent = Math.round(job.progress * 100);
  return h("li", {},
    h("span", { class: "title" }, h("b", {}, job.title), h("span", { class: "quiet small numbers" }, when(job))),
    h("span", { class: "end" },
      job.state === "running" ? h("span", { class: "quiet small numbers" }, `${percent} %`) : null,
      h("span", { class: "state", "data-state": shape }, job.cancel_requested && job.state === "running" ? gettext("Stopping") : word),
      mayCancel && isOpen(job) && !job.cancel_requested ? h("button", { class: "button plain", type: "button", onclick: () => cancel(job) }, gettext("Cancel")) : null),
    job.state === "running" ? h("div", { class: "bar-track", role: "progressbar", "aria-valuenow": percent, "aria-label": job.title }, h("i", { style: `width:${percent}%` })) : null,
    job.state === "running" && job.step ? h("span", { class: "why quiet small" }, job.step, remaining(job)) : null,
    job.message ? h("p", { class: "why notice plain-words fail" }, job.message) : null);
}

function when(job) {
  const who = job.who ? `, ${job.who}` : "";
  if (!job.finished_at || !job.started_at) return since(job.created_at) + who;
  const took = (new Date(job.finished_at) - new Date(job.started_at)) / 1000;
  return fill(gettext("%(time)s, took %(took)s"), { time: since(job.finished_at), took: duration(took) }) + who;
}

function remaining(job) {
  const ran = (Date.now() - new Date(job.started_at)) / 1000;
  if (job.progress < 0.05 || ran < 5) return "";
  return ` · ${fill(gettext("about %(time)s left"), { time: duration((ran * (1 - job.progress)) / job.progress) })}`;
}

function render() {
  list.replaceChildren(...jobs.map(line));
  document.querySelector("[data-empty]").hidden = jobs.length > 0;
}

async function cancel(job) {
  try {
    await api(`jobs/${job.id}/cancel/`, { method: "POST" });
    await refresh();
  } catch (error) {
    toast(error.message, "fail");
  }
}

async function refresh() {
  jobs = (await api("jobs/").catch(() => jobs)).slice(0, 60);
  render();
}

render();
setInterval(() => {
  if (!document.hidden) refresh();
}, 1500);
