// How a try to reach a receiver ended, as elements.
import { h } from "./dom.js";

export const succeeded = (words, detail = "") => [
  h("div", { class: "notice plain-words ok", role: "status" }, h("b", {}, words), detail ? h("p", { class: "small quiet" }, detail) : null),
];

export const failed = (message, advice = "", detail = "") => [
  h("div", { class: "notice plain-words fail", role: "alert" }, h("b", {}, message),
    advice ? h("p", {}, advice) : null, detail ? h("p", { class: "small quiet" }, detail) : null),
];

/** Runs `call` while the button shows that it runs; its answer or its error becomes words. */
export async function tryOut(button, place, call, words) {
  button.disabled = true;
  button.classList.add("busy");
  place.replaceChildren(h("span", { class: "waiting" }));
  try {
    const answer = await call();
    place.replaceChildren(...(answer.ok ? succeeded(words, answer.answer) : failed(answer.message, answer.advice, answer.detail)));
  } catch (error) {
    place.replaceChildren(...failed(error.message));
  } finally {
    button.disabled = false;
    button.classList.remove("busy");
  }
}
