// Short words in the corner, read out politely; errors stay until they are closed.
import { h, icon } from "./dom.js";
import { gettext } from "./i18n.js";

export function toast(text, tone = "ok") {
  const region = document.querySelector("[data-toasts]");
  if (!region) return;
  const notice = h("div", { class: `notice plain-words row ${tone}` }, h("span", {}, text));
  const close = () => notice.remove();
  if (tone === "fail") {
    notice.append(h("button", { class: "button plain square", type: "button", "aria-label": gettext("Close"), onclick: close }, icon("close")));
  } else {
    setTimeout(close, 5000);
  }
  region.append(notice);
  while (region.children.length > 3) region.firstChild.remove();
}
