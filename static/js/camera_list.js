// The list of cameras: states and counts, asked for every few seconds.
import { api } from "./api.js";
import { unitWord } from "./classes.js";
import { readJson, setText } from "./dom.js";
import { decimal, number } from "./format.js";
import { fill, gettext } from "./i18n.js";
import { explain, isTrouble, stateWord } from "./states.js";
import { headline } from "./totals.js";

const EVERY_MS = 5000;

function show(camera) {
  const row = document.querySelector(`[data-camera-list] [data-camera="${camera.id}"]`);
  if (!row) return;
  const part = (name) => row.querySelector(`[data-${name}]`);
  const { state } = camera;
  const { unit, today } = headline(camera);
  part("word").dataset.state = state.state;
  setText(part("word"), stateWord(state.state));
  const words = explain(state);
  setText(part("why"), isTrouble(state.state) ? `${words.what} ${words.when}` : "");
  setText(part("today"), number(today));
  setText(part("unit"), fill(gettext("%(unit)s today"), { unit: unitWord(unit, today) }));
  setText(part("facts"), state.width
    ? `${state.width} × ${state.height} · ${fill(gettext("%(fps)s frames/s analysed"), { fps: decimal(state.analysed_fps) })}` : "");
}

async function refresh() {
  if (document.visibilityState === "visible") {
    try {
      const answer = await api("live/");
      for (const camera of Array.isArray(answer) ? answer : (answer.results ?? [])) show(camera);
    } catch {
      // The health dot says that the gateway does not answer.
    }
  }
  setTimeout(refresh, EVERY_MS);
}

readJson("cameras", []).forEach(show);
setTimeout(refresh, EVERY_MS);
