// A camera's state in words: what happened, why, since when, and what the gateway does about it.
import { duration, moment, since } from "./format.js";
import { fill, gettext } from "./i18n.js";

const WORDS = {
  live: () => gettext("Live"),
  connecting: () => gettext("Connecting"),
  stalled: () => gettext("Stalled"),
  failed: () => gettext("Failed"),
  ended: () => gettext("Ended"),
  paused: () => gettext("Paused"),
};
const TONES = { stalled: "warn", failed: "fail" };

export const stateWord = (state) => WORDS[state]?.() ?? state;
export const stateTone = (state) => TONES[state] ?? "";
export const isTrouble = (state) => state === "stalled" || state === "failed";

/** {what, when, next}: three short sentences for a camera that shows no new picture. */
export function explain(state) {
  const words = { what: state.message || stateWord(state.state), when: "", next: "" };
  if (state.state === "paused") words.what = gettext("This camera is paused.");
  if (state.state === "ended") words.what = gettext("The recording has been played to its end.");
  if (state.state === "connecting" && !state.message) words.what = gettext("Waiting for the first picture.");
  if (state.since) words.when = fill(gettext("Since %(time)s"), { time: since(moment(state.since)) });
  const left = state.retry_at ? (state.retry_at - Date.now()) / 1000 : state.retry_in_s;
  if (isTrouble(state.state) || (state.state === "connecting" && state.cause)) {
    words.next =
      left > 0.5
        ? fill(gettext("Trying again in %(time)s"), { time: duration(left) })
        : gettext("Trying again now");
  }
  return words;
}
