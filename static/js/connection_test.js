// "Test connection": opens the camera once and shows its picture, or the cause and what to do.
import { api } from "./api.js";
import { h } from "./dom.js";
import { decimal, duration } from "./format.js";
import { fill, gettext } from "./i18n.js";

export function startConnectionTest(form) {
  const button = form.querySelector("[data-test]");
  const cancel = form.querySelector("[data-cancel]");
  const still = form.querySelector("[data-still]");
  const words = form.querySelector("[data-test-words]");
  const atRest = [...still.childNodes];
  let abort = null;

  button.addEventListener("click", async () => {
    if (abort || !form.elements.url.reportValidity()) return;
    abort = new AbortController();
    const begun = performance.now();
    const running = h("p", { class: "quiet numbers" });
    const tick = () => (running.textContent = fill(gettext("Opening the camera, %(time)s so far; at most 20 s."), {
      time: duration((performance.now() - begun) / 1000) }));
    tick();
    const timer = setInterval(tick, 1000);
    show(true, [h("span", { class: "waiting" })], [running]);
    try {
      const id = form.dataset.camera;
      const answer = await api(id ? `cameras/${id}/test/` : "cameras/test/", {
        method: "POST", body: source(form), signal: abort.signal });
      if (answer.ok) show(false, [h("img", { src: answer.still, alt: gettext("Picture of the camera") })], seen(answer));
      else show(false, atRest, failed(answer.message, answer.advice, answer.detail));
    } catch (error) {
      if (error.name === "AbortError") show(false, atRest, []);
      else show(false, atRest, failed(error.message));
    } finally {
      clearInterval(timer);
      abort = null;
    }
  });
  cancel.addEventListener("click", () => abort?.abort());

  function show(running, picture, text) {
    button.disabled = running;
    button.classList.toggle("busy", running);
    cancel.hidden = !running;
    still.replaceChildren(...picture);
    words.replaceChildren(...text);
  }
}

function source(form) {
  const { kind, url, username, password, loop } = form.elements;
  const body = { kind: kind.value, url: url.value.trim(), loop: loop.checked };
  if (kind.value === "rtsp" || kind.value === "http") {
    if (username.value) body.username = username.value;
    if (password.value) body.password = password.value;
  }
  return body;
}

const seen = (answer) => [
  h("p", { class: "notice plain-words ok", role: "status" }, h("b", {}, gettext("The camera works."))),
  h("dl", { class: "facts" },
    h("dt", {}, gettext("Resolution")), h("dd", {}, `${answer.width} × ${answer.height}`),
    h("dt", {}, gettext("Frames per second")), h("dd", {}, answer.fps ? decimal(answer.fps) : gettext("not stated")),
    h("dt", {}, gettext("Codec")), h("dd", {}, answer.codec || gettext("not stated"))),
];

const failed = (message, advice = "", detail = "") => [
  h("div", { class: "notice plain-words fail", role: "alert" }, h("b", {}, message),
    advice ? h("p", {}, advice) : null, detail ? h("p", { class: "small quiet" }, detail) : null),
];
