// The Messages form: shows what belongs to TLS, and tests the broker as typed, before saving.
import { api } from "./api.js";
import { gettext } from "./i18n.js";
import { failed, tryOut } from "./messaging_words.js";

const form = document.querySelector("[data-messages-form]");
const { tls, verify, discovery, clear_password: clear } = form.elements;
const words = form.querySelector("[data-test-words]");
const button = form.querySelector("[data-test]");

function show() {
  form.querySelector("[data-tls]").hidden = !tls.checked;
  form.querySelector("[data-unverified]").hidden = verify.checked;
  form.querySelector("[data-field=discovery_prefix]").hidden = !discovery.checked;
}

async function typed() {
  const { host, port, protocol, username, password, base_topic: topic, authority } = form.elements;
  const body = { host: host.value.trim(), port: Number(port.value), protocol: protocol.value, tls: tls.checked,
    verify: verify.checked, username: username.value, base_topic: topic.value.trim() };
  if (password.value) body.password = password.value;
  if (clear?.checked) body.clear_password = true;
  if (authority.files.length) body.ca_certificates = await authority.files[0].text();
  else if (form.elements.clear_authority?.checked) body.ca_certificates = "";
  return body;
}

form.addEventListener("change", show);
button.addEventListener("click", () => {
  if (!form.elements.host.value.trim()) {
    words.replaceChildren(...failed(gettext("Enter the broker's name or address first.")));
    form.elements.host.focus();
    return;
  }
  tryOut(button, words, async () => api("messages/test/", { method: "POST", body: await typed() }),
    gettext("The broker took the test message."));
});
show();
