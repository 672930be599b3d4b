// A strip that is still being recorded or made: says how far it is, and opens the tool when it is done.
import { setText } from "./dom.js";
import { duration } from "./format.js";
import { fill, gettext, ngettext } from "./i18n.js";

const box = document.querySelector("[data-wait]");
const OVER = new Set(["ready", "failed"]);

async function look() {
  try {
    const answer = await fetch("?state=1", { headers: { Accept: "application/json" }, credentials: "same-origin" });
    if (answer.ok) show(await answer.json());
  } catch {
    setText(box.querySelector("[data-wait-words]"), gettext("The gateway does not answer. The page tries again."));
  }
}

function show({ state, progress, marks }) {
  if (OVER.has(state)) return location.reload();
  const counted = fill(ngettext("%(n)s crossing counted so far", "%(n)s crossings counted so far", marks), { n: marks });
  const bar = box.querySelector("progress");
  if (state === "recording") {
    const [start, length] = [Number(box.dataset.start), Number(box.dataset.length)];
    const gone = Date.now() / 1000 - start;
    const left = fill(gettext("%(left)s left"), { left: duration(Math.max(length - gone, 0)) });
    bar.value = Math.min(Math.max(gone / length, 0), 1);
    setText(box.querySelector("[data-wait-words]"), gone < length ? `${left} · ${counted}` : gettext("Gathering the last crossings"));
  } else {
    if (state === "making") bar.value = progress;
    else bar.removeAttribute("value");
    const words = state === "making" ? fill(gettext("%(n)s % done"), { n: Math.round(100 * progress) }) : gettext("Waiting for its turn");
    setText(box.querySelector("[data-wait-words]"), words);
  }
}

if (box) {
  look();
  setInterval(look, 1000);
}
