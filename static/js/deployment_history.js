// All deployments, newest first, a page at a time.
import { api } from "./api.js";
import { h } from "./dom.js";
import { since } from "./format.js";
import { fill, gettext } from "./i18n.js";
import { byWord, detectorWord, placeWord, stateOf } from "./deployment_words.js";

const PAGE = 20;
const table = document.querySelector("[data-history]");
const older = document.querySelector("[data-older]");
let following = null;

function line(row) {
  const [word, shape] = stateOf(row);
  const failed = row.state === "rolled_back" && row.cause;
  const named = row.detector !== row.version_name && row.target !== "alias";
  return h("tr", {},
    h("td", { class: "numbers quiet" }, since(row.created_at)),
    h("td", { class: "history-version" }, h("b", {}, detectorWord(row.version_name)), named ? h("span", { class: "quiet small" }, row.detector) : null),
    h("td", { "data-label": gettext("To") }, placeWord(row)),
    h("td", { "data-label": gettext("Before") }, detectorWord(row.previous_name)),
    h("td", { class: "history-state" },
      h("span", { class: "state", "data-state": row.state === "rolled_back" && !row.cause ? "ended" : shape }, word),
      failed ? h("span", { class: "broken small" }, row.message) : null,
      row.ended_at ? h("span", { class: "quiet small" }, fill(gettext("%(time)s by %(who)s"), { time: since(row.ended_at), who: byWord(row.ended_by) })) : null),
    h("td", { "data-label": gettext("By") }, byWord(row.created_by)));
}

/** Load the newest page again. */
export async function showHistory() {
  const answer = await api(`deployments/?page_size=${PAGE}`);
  table.tBodies[0].replaceChildren(...answer.results.map(line));
  table.hidden = !answer.results.length;
  document.querySelector("[data-no-history]").hidden = answer.results.length > 0;
  offer(answer.next);
}

function offer(next) {
  following = next ? new URL(next).search : null;
  older.hidden = !following;
}

older.addEventListener("click", async () => {
  const answer = await api(`deployments/${following}`);
  table.tBodies[0].append(...answer.results.map(line));
  offer(answer.next);
});
