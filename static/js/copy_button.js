// Copies a text to the clipboard, or selects it where the browser does not allow that (plain http).
import { gettext } from "./i18n.js";

for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", async () => {
    const text = document.getElementById(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(text.textContent);
      button.textContent = gettext("Copied");
    } catch {
      getSelection().selectAllChildren(text);
    }
  });
}
