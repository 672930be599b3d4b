// "Send a test message": posts one to the stored webhook and tells the answer.
import { api } from "./api.js";
import { gettext } from "./i18n.js";
import { tryOut } from "./messaging_words.js";

const button = document.querySelector("[data-test-hook]");
button?.addEventListener("click", () => tryOut(button, document.querySelector("[data-test-words]"),
  () => api(`webhooks/${button.dataset.testHook}/test/`, { method: "POST" }),
  gettext("The receiver took the test message.")));
