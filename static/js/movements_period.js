// The period filter of movements and heat: buttons and two times, kept in the address.
import { gettext } from "./i18n.js";
import { addressOf, periodOf, PRESETS, presetPeriod } from "./period.js";

export const find = (name) => document.querySelector(`[data-${name}]`);

export class PeriodFilter {
  constructor(form, given, changed) {
    this.form = form;
    this.preset = given.get("from") ? "custom" : given.get("period") in PRESETS ? given.get("period") : "today";
    const { from, to } = periodOf(given);
    [form.elements.from.value, form.elements.to.value] = [from, to];
    for (const button of document.querySelectorAll("[data-preset]")) {
      button.addEventListener("click", () => {
        this.preset = button.value;
        changed();
      });
    }
    // On a phone the tabs are wider than the window.
    document.querySelector(".tabs [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });
    form.addEventListener("submit", (event) => event.preventDefault());
  }

  /** {from, to} as local texts; null, with words, where they are no period. */
  read() {
    const fields = this.form.elements;
    const { from, to } = this.preset === "custom" ? { from: fields.from.value, to: fields.to.value } : presetPeriod(this.preset);
    for (const button of document.querySelectorAll("[data-preset]")) button.setAttribute("aria-pressed", String(button.value === this.preset));
    find("custom").hidden = this.preset !== "custom";
    if (this.preset !== "custom") [fields.from.value, fields.to.value] = [from, to];
    if (from && to && from < to) return { from, to };
    say(gettext("Choose a beginning that is before the end."), "warn");
    return null;
  }

  remember(query) {
    history.replaceState(null, "", `?${addressOf(query, this.preset)}`);
  }
}

export function say(text, tone = "fail") {
  find("problem").hidden = !text;
  find("problem").className = `notice plain-words ${tone}`;
  find("problem").textContent = text;
}

let abort = null;

/** Runs `ask(signal)` and shows that it runs; an answer that a newer question overtook is dropped. */
export async function asking(ask, show) {
  abort?.abort();
  const mine = (abort = new AbortController());
  const slow = setTimeout(() => find("busy").hidden = false, 400);
  try {
    const answer = await ask(mine.signal);
    say("");
    await show(answer);
  } catch (error) {
    if (error.name !== "AbortError") say(error.message, "fail");
  } finally {
    clearTimeout(slow);
    if (abort === mine) find("busy").hidden = true;
  }
}
