// A job's progress where it was started: bar, words, Cancel; asked for each second until it is over.
import { api } from "./api.js";
import { h } from "./dom.js";
import { duration } from "./format.js";
import { fill, gettext } from "./i18n.js";
import { toast } from "./toast.js";

const EVERY_MS = 1000;
export const isOpen = (job) => job.state === "queued" || job.state === "running";

/** Fills `box` while the job `id` runs; `went(job)` is called when it says something new, `ended(job)` once. Returns a function that stops looking. */
export function followJob(box, id, ended, { mayCancel = true, went = null } = {}) {
  let timer = null, stopped = false, said = null;
  async function look() {
    const job = await api(`jobs/${id}/`).catch(() => null); // the network may come back
    if (stopped) return;
    if (job) {
      box.replaceChildren(...parts(job, mayCancel));
      if (!isOpen(job)) return ended(job);
      if (job.step !== said) went?.(job);
      said = job.step;
    }
    timer = setTimeout(look, EVERY_MS);
  }
  look();
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}

function parts(job, mayCancel) {
  const percent = Math.round(job.progress * 100);
  const waits = job.state === "queued";
  return [
    h("div", { class: "row" }, h("b", {}, job.title), h("span", { class: "quiet numbers" }, waits ? job.step || gettext("waits for its turn") : `${percent} %`),
      mayCancel && isOpen(job) && !job.cancel_requested ? h("button", { class: "button plain", type: "button", onclick: () => cancel(job) }, gettext("Cancel")) : null,
      job.cancel_requested && isOpen(job) ? h("span", { class: "quiet" }, gettext("stopping")) : null),
    h("div", { class: "bar-track", role: "progressbar", "aria-valuenow": percent, "aria-label": job.title }, bar(percent)),
    h("p", { class: "quiet small" }, waits ? "" : job.step, remaining(job)),
  ];
}

function bar(percent) {
  const inner = h("i");
  inner.style.width = `${percent}%`;
  return inner;
}

function remaining(job) {
  const ran = (Date.now() - new Date(job.started_at)) / 1000;
  if (job.state !== "running" || job.progress < 0.05 || ran < 5) return "";
  return ` · ${fill(gettext("about %(time)s left"), { time: duration((ran * (1 - job.progress)) / job.progress) })}`;
}

async function cancel(job) {
  try {
    await api(`jobs/${job.id}/cancel/`, { method: "POST" });
  } catch (error) {
    toast(error.message, "fail");
  }
}
