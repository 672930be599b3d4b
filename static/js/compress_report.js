// One compression in words and figures: what each step changed, and in red what got worse.
import { apiUrl } from "./api.js";
import { className, inOrder } from "./classes.js";
import { h, icon } from "./dom.js";
import { decimal, number, since } from "./format.js";
import { fill, gettext, ngettext } from "./i18n.js";
import { isOpen } from "./job_progress.js";
import { bytesText, countText } from "./sizes.js";

const page = (version) => new URL(`../../${version}/`, location.href).pathname;
const percent = (value, digits = 1) => decimal(100 * value, digits);
const none = () => h("span", { class: "quiet" }, "–");

export function runPanel(run, progress) {
  const open = run.job && isOpen(run.job);
  const failed = run.job?.state === "failed", cancelled = run.job?.state === "cancelled";
  const state = open ? null : h("span", { class: "state push", "data-state": failed ? "failed" : cancelled ? "ended" : "live" }, failed ? gettext("Stopped") : cancelled ? gettext("Cancelled") : gettext("Done"));
  return [
    h("div", { class: "panel-head" }, h("h2", {}, run.recipe.steps.map((x) => x.kind.replaceAll("_", " ")).join(" → ")), h("span", { class: "quiet small numbers" }, since(new Date(run.created_at))), state),
    open ? progress : null,
    run.job?.message ? h("p", { class: "notice plain-words fail" }, run.job.message) : null,
    reportsOf(run),
  ].filter(Boolean);
}

/** What each step did so far. */
export function reportsOf(run) {
  return h("div", { class: "stack", hidden: !run.reports.length }, h("div", { class: "scroll-x" }, table(run.reports)), ...run.reports.map(details));
}

function table(reports) {
  const accurate = reports.some((x) => x.accuracy);
  const heads = [gettext("Size"), gettext("MACs"), gettext("Time"), gettext("Drift"), ...(accurate ? ["AP50"] : [])];
  return h("table", { class: "table reports" },
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, gettext("Step")), ...heads.map((x) => h("th", { scope: "col", class: "number" }, x)))),
    h("tbody", {}, ...reports.map((report) => h("tr", {}, h("td", {}, h("b", {}, report.title), report.version ? h("a", { class: "block small", href: page(report.version) }, report.reference) : h("span", { class: "quiet small block" }, report.status === "failed" ? gettext("failed") : gettext("nothing to do"))),
      ...[size(report), macs(report), time(report), drift(report), ...(accurate ? [accuracy(report)] : [])].map((cell) => h("td", { class: "number" }, cell))))));
}

/** After, and its share of before: red when it grew. */
function compared(after, before, text) {
  if (after === null || after === undefined) return none();
  const worse = before && after > before;
  return [text(after), before ? h("span", { class: `${worse ? "bad" : "quiet"} small block` }, `${percent(after / before, 0)} %`) : null];
}

function size(report) {
  const whole = compared(report.size_bytes, report.size_bytes_before, bytesText);
  if (!report.packed_size_bytes) return whole;
  const ratio = report.size_bytes_before / report.packed_size_bytes;
  return [...[whole].flat(), h("span", { class: "small block" }, fill(gettext("packed %(size)s, %(ratio)s× smaller"), { size: bytesText(report.packed_size_bytes), ratio: decimal(ratio, 1) }))];
}

const macs = (report) => compared(report.macs, report.macs_before, countText);

function time(report) {
  const ratio = report.latency;
  if (!ratio) return none();
  const worse = ratio.certain && ratio.median > 1;
  return [h("span", { class: worse ? "bad" : null }, `${decimal(ratio.median, 2)} ×`), h("span", { class: "quiet small block" }, `${decimal(ratio.parent_ms, 1)} → ${decimal(ratio.child_ms, 1)} ms${ratio.certain ? "" : `, ${gettext("not certain")}`}`)];
}

function drift(report) {
  const value = report.drift?.relative;
  if (value === null || value === undefined) return none();
  return [h("span", { class: value > 0.2 ? "bad" : null }, `${percent(value)}\u00a0%`), report.on_noise ? h("span", { class: "quiet small block" }, gettext("on noise")) : null];
}

function accuracy(report) {
  const change = report.accuracy;
  if (!change || change.after === null) return none();
  const points = change.points === null ? null : `${change.points > 0 ? "+" : change.points < 0 ? "−" : "±"}${decimal(Math.abs(change.points), 1)}`;
  return [decimal(change.after, 3), points ? h("span", { class: `small block ${change.points < 0 ? "bad" : "quiet"}` }, fill(gettext("%(points)s points"), { points })) : null];
}

function details(report) {
  const worse = report.worse ?? [];
  const changes = report.changes ?? [];
  const classes = report.accuracy?.classes ?? {};
  const names = inOrder(Object.keys(classes)).filter((name) => classes[name].points !== null);
  const figures = Object.entries(report.figures ?? {}).filter(([, value]) => typeof value === "number");
  const title = report.status === "failed" ? h("span", { class: "bad" }, report.message) : report.status === "nothing_to_do" ? report.message
    : fill(ngettext("%(n)s change", "%(n)s changes", changes.length + report.changes_left_out), { n: number(changes.length + report.changes_left_out) });
  return h("details", { class: "report", open: worse.length > 0 },
    h("summary", {}, h("b", {}, report.title), " ", h("span", { class: "quiet" }, title)),
    worse.length ? h("ul", { class: "notice plain-words fail worse" }, ...worse.map((words) => h("li", {}, words))) : null,
    report.packed_size_bytes && report.version ? h("p", {}, h("a", { class: "button", href: apiUrl(`versions/${report.version}/file/?packed=1`) }, icon("download"), gettext("Download the packed file"))) : null,
    names.length ? h("p", { class: "small" }, `AP50: ${names.map((name) => `${className(name)} ${decimal(classes[name].before, 3)} → ${decimal(classes[name].after, 3)}`).join(" · ")}, ${fill(gettext("on %(n)s pictures of %(set)s"), { n: number(report.accuracy.images), set: report.accuracy.set })}`) : null,
    figures.length ? h("p", { class: "small quiet" }, figures.map(([name, value]) => `${name.replaceAll("_", " ")}: ${number(Number(value.toPrecision(4)))}`).join(" · ")) : null,
    changes.length ? h("details", { class: "more" }, h("summary", { class: "quiet" }, gettext("What was changed, and what was left alone")), h("div", { class: "changes scroll-x" }, h("table", { class: "table small" }, h("tbody", {}, ...changes.map((x) => h("tr", {}, h("td", {}, h("code", {}, x.subject)), h("td", {}, x.action), h("td", { class: "quiet" }, x.detail))))))) : null,
    report.changes_left_out ? h("p", { class: "quiet small" }, fill(gettext("and %(n)s more"), { n: number(report.changes_left_out) })) : null);
}
