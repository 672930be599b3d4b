// Counts: filters → address → bins from the gateway → chart, table, download.
import { api, apiUrl } from "./api.js";
import { countTable } from "./bin_table.js";
import { classKey, inOrder } from "./classes.js";
import { binsOf, isGap } from "./count_bins.js";
import { h } from "./dom.js";
import { number } from "./format.js";
import { drawCounts } from "./history_chart.js";
import { gettext } from "./i18n.js";
import { Filters, nothingToCount, showEmpty } from "./traffic_filters.js";
import { observedWords, Panel } from "./traffic_panel.js";

const plotly = document.querySelector("[data-plotly]")?.dataset.plotly;

async function load(query, signal) {
  const answer = await api(`statistics/flow/?${query}`, { signal });
  const bins = binsOf(answer.results);
  const some = bins.some((bin) => !isGap(bin));
  showEmpty(nothingToCount(filters.camera, some));
  if (!some) return;
  const csv = new URLSearchParams(query);
  csv.set("format", "csv");
  await panel.show({
    draw: (box) => drawCounts(box, plotly, bins),
    table: () => countTable(bins),
    csv: `${apiUrl("counts/")}?${csv}`,
    summary: summary(answer.totals, bins),
  });
}

function summary(totals, bins) {
  const wrong = totals.wrong_way;
  return [
    h("p", { class: "lead" }, h("b", { class: "figure numbers" }, number(totals.count)), ` ${gettext("crossings in this period")}`),
    h("p", {}, h("i", { class: "arrow" }), h("b", {}, number(totals.forward)), gettext("forward"), h("i", { class: "arrow backward" }), h("b", {}, number(totals.backward)), gettext("backward")),
    wrong ? h("p", { class: "wrong-way" }, h("b", {}, number(wrong)), gettext("against the one-way direction")) : null,
    observedWords(bins),
    h("p", { class: "keys" }, ...inOrder(Object.keys(totals.classes)).map((name) => classKey(name, totals.classes[name], true))),
  ].filter(Boolean);
}

const panel = plotly ? new Panel("counts") : null;
const filters = plotly ? new Filters(load) : null;
filters?.load();
