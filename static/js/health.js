// The health dot in the top bar: says in a word whether all cameras work, and lists what is wrong.
import { h } from "./dom.js";
import { ngettext, fill, gettext } from "./i18n.js";
import { explain, isTrouble, stateWord } from "./states.js";

let last = "";

/** `cameras`: objects with id, name and state. */
export function showHealth(cameras, connected = true) {
  const button = document.querySelector("[data-health]");
  if (!button) return;
  const wrong = cameras.filter((camera) => isTrouble(camera.state?.state));
  const [state, word] = !connected
    ? ["stalled", gettext("Reconnecting")]
    : wrong.length
      ? [wrong.some((c) => c.state.state === "failed") ? "failed" : "stalled",
        fill(ngettext("%(n)s camera down", "%(n)s cameras down", wrong.length), { n: wrong.length })]
      : cameras.length ? ["live", gettext("All well")] : ["ended", gettext("No cameras")];
  const rows = cameras.map((camera) => [camera.id, camera.name, camera.state?.state ?? "connecting",
    isTrouble(camera.state?.state) ? explain(camera.state).what : ""]);
  const key = JSON.stringify([state, word, rows]);
  if (key === last) return;
  last = key;
  button.replaceChildren(h("span", { class: "state", "data-state": state }, word));
  const list = document.querySelector("[data-health-list]");
  list.replaceChildren(
    ...rows
      .sort((a, b) => isTrouble(b[2]) - isTrouble(a[2]))
      .map(([id, name, stateName, why]) =>
        h("a", { class: "item", href: `/cameras/${id}/` },
          h("span", { class: "state", "data-state": stateName }, stateWord(stateName)),
          h("span", {}, name, why ? h("small", {}, why) : null))),
    ...(connected ? [] : [h("p", { class: "item quiet" }, gettext("The page has lost the gateway and tries to reach it again."))]),
    ...(rows.length ? [] : [h("a", { class: "item", href: "/cameras/new/" }, gettext("Register your first camera"))]),
  );
}
