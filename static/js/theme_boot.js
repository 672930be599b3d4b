// Runs before the first paint, so that a dark page never flashes white. "auto" follows the system.
(() => {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const chosen = () => {
    try {
      return localStorage.getItem("theme") || "auto";
    } catch {
      return "auto"; // storage may be forbidden
    }
  };
  const apply = () => {
    const theme = chosen();
    const root = document.documentElement;
    root.dataset.themeChoice = theme;
    root.dataset.theme = theme === "auto" ? (system.matches ? "dark" : "light") : theme;
    dispatchEvent(new Event("themechange"));
  };
  system.addEventListener("change", apply);
  addEventListener("themechoice", apply);
  apply();
})();
