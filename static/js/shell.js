// What runs on every page: clock, theme, health dot.
import { api } from "./api.js";
import { startClock } from "./clock.js";
import { showHealth } from "./health.js";
import { startThemeToggle } from "./theme_toggle.js";

const EVERY_MS = 15_000;

async function pollHealth() {
  if (document.visibilityState === "visible") {
    try {
      const answer = await api("live/");
      showHealth(Array.isArray(answer) ? answer : (answer.cameras ?? answer.results ?? []));
    } catch {
      showHealth([], false);
    }
  }
  setTimeout(pollHealth, EVERY_MS);
}

startClock();
startThemeToggle();
// Pages with a live socket learn all of it from there.
if (!document.querySelector("[data-live-socket]")) pollHealth();
