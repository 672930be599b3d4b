// Numbers and times for people; times are the site's, wherever the reader sits.
import { fill, gettext, ngettext } from "./i18n.js";

const language = document.documentElement.lang || "en";
export const timeZone = document.documentElement.dataset.timeZone || "UTC";

const formatter = (options) => new Intl.DateTimeFormat(language, { timeZone, hourCycle: "h23", ...options });
const CLOCK = formatter({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
const MINUTE = formatter({ hour: "2-digit", minute: "2-digit" });
const DATE = formatter({ weekday: "short", day: "numeric", month: "short" });
const DAY_MINUTE = formatter({ day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const NUMBER = new Intl.NumberFormat(language);

export const clockTime = (at) => CLOCK.format(at);
export const minuteTime = (at) => MINUTE.format(at);
export const dateText = (at) => DATE.format(at);
export const dayMinute = (at) => DAY_MINUTE.format(at);
export const number = (value) => NUMBER.format(value);
export const decimal = (value, digits = 1) =>
  new Intl.NumberFormat(language, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);

/** "14:03" today, "20 Nov, 14:03" before. */
export function since(at) {
  const date = at instanceof Date ? at : new Date(at);
  return DATE.format(date) === DATE.format(new Date()) ? MINUTE.format(date) : DAY_MINUTE.format(date);
}

/** "8 s", "3 min", "2 h", "4 days". */
export function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return fill(gettext("%(n)s s"), { n: whole });
  if (whole < 3600) return fill(gettext("%(n)s min"), { n: Math.round(whole / 60) });
  if (whole < 48 * 3600) return fill(gettext("%(n)s h"), { n: Math.round(whole / 3600) });
  const days = Math.round(whole / 86400);
  return fill(ngettext("%(n)s day", "%(n)s days", days), { n: number(days) });
}

/** Unix seconds or an ISO text → Date. */
export const moment = (value) => (typeof value === "number" ? new Date(value * 1000) : new Date(value));
