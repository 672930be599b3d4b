// auto → light → dark → auto
import { gettext, fill } from "./i18n.js";

const NEXT = { auto: "light", light: "dark", dark: "auto" };
const ICONS = { auto: "auto", light: "sun", dark: "moon" };
const words = { auto: () => gettext("as the system"), light: () => gettext("light"), dark: () => gettext("dark") };

export function startThemeToggle() {
  const button = document.querySelector("[data-theme-toggle]");
  if (!button) return;
  const show = () => {
    const choice = document.documentElement.dataset.themeChoice ?? "auto";
    const use = button.querySelector("use");
    use.setAttribute("href", use.getAttribute("href").replace(/#.*/, `#${ICONS[choice]}`));
    const label = fill(gettext("Colour theme: %(theme)s"), { theme: words[choice]() });
    button.setAttribute("aria-label", label);
    button.title = label;
  };
  button.addEventListener("click", () => {
    try {
      localStorage.setItem("theme", NEXT[document.documentElement.dataset.themeChoice ?? "auto"]);
    } catch {
      return; // storage may be forbidden; then the system's theme stays
    }
    dispatchEvent(new Event("themechoice"));
    show();
  });
  show();
}
