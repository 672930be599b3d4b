// The clock of the site, corrected by what the server says the time is.
import { clockTime, dateText } from "./format.js";
import { setText } from "./dom.js";

let offset = 0;

export const serverNow = () => Date.now() + offset;
export const setServerTime = (unix) => (offset = unix * 1000 - Date.now());

export function startClock() {
  const time = document.querySelector("[data-clock=time]");
  const date = document.querySelector("[data-clock=date]");
  if (!time) return;
  const tick = () => {
    setText(time, clockTime(serverNow()));
    setText(date, dateText(serverNow()));
    setTimeout(tick, 1000 - (serverNow() % 1000));
  };
  tick();
}
