// The page Deployments: asks what is in service, follows the live figures, and acts on a click.
import { api } from "./api.js";
import { readJson } from "./dom.js";
import { fill, gettext } from "./i18n.js";
import { askAlias, askDeploy, askShadow } from "./deployment_dialogs.js";
import { showHistory } from "./deployment_history.js";
import { cameraRow, ServiceList, targetRow, updateFigures } from "./deployment_rows.js";
import { detectorWord } from "./deployment_words.js";
import { LiveSocket } from "./live_socket.js";
import { toast } from "./toast.js";

const SOON_MS = 300;
const STORED_AFTER_MS = 1500; // what a worker says reaches the page before it reaches the rows
const EVERY_MS = 15_000;

const may = readJson("may", {});
const part = (name) => document.querySelector(`[data-${name}]`);
let now = readJson("in-service", { targets: [], cameras: [] });
let due = null;

const on = {
  deploy: (entry) => askDeploy(entry, now, (made) => done(made ? fill(gettext("%(version)s is on its way to %(place)s."), {
    version: detectorWord(made.version_name), place: made.target === "gateway" ? gettext("the gateway default") : made.place }) : gettext("It follows the gateway again."))),
  moveAlias: (entry) => askAlias(entry, now, () => done(gettext("The name has moved."))),
  shadow: (entry) => askShadow(entry, () => done(gettext("The shadow starts."))),
  rollBack: (deployment) => send(`deployments/${deployment.id}/rollback/`, fill(gettext("%(version)s is back."), { version: detectorWord(deployment.previous_name) })),
  stop: (shadow) => send(`shadows/${shadow.id}/stop/`, gettext("The shadow has ended.")),
  promote: (shadow) => send(`shadows/${shadow.id}/promote/`, fill(gettext("%(version)s is on its way."), { version: shadow.version_name })),
};

const targets = new ServiceList(part("targets"), (entry) => targetRow(entry, may, on));
const aliases = new ServiceList(part("aliases"), (entry) => targetRow(entry, may, on));
const cameras = new ServiceList(part("cameras"), (entry) => cameraRow(entry, may, on));

async function send(path, words) {
  try {
    await api(path, { method: "POST" });
    done(words);
  } catch (problem) {
    toast(problem.message, "fail");
    refreshSoon();
  }
}

function done(words) {
  toast(words);
  refreshSoon();
}

function show() {
  const entries = now.targets.map((entry) => [`${entry.target} ${entry.module}${entry.alias}`, entry, entry]);
  targets.show(entries.filter(([, { target }]) => target !== "alias"));
  aliases.show(entries.filter(([, { target }]) => target === "alias"));
  cameras.show(now.cameras.map((entry) => {
    // Figures change in place: they are no reason to draw the row again.
    const { live: _live, shadow, ...words } = entry;
    return [entry.camera, entry, { ...words, shadow: shadow && { ...shadow, report: null } }];
  }));
  for (const entry of now.cameras) updateFigures(cameras.element(entry.camera), entry);
  part("no-aliases").hidden = now.targets.some(({ target }) => target === "alias");
  part("no-cameras").hidden = now.cameras.length > 0;
  socket.watch(now.cameras.map(({ camera }) => camera), []);
}

async function refresh() {
  clearTimeout(due);
  due = setTimeout(refresh, EVERY_MS);
  if (document.visibilityState !== "visible") return;
  try {
    now = await api("deployments/in-service/");
    show();
    await showHistory();
  } catch {
    // The health dot says that the gateway does not answer.
  }
}

function refreshSoon(after_ms = SOON_MS) {
  clearTimeout(due);
  due = setTimeout(refresh, after_ms);
}

const cameraOf = (id) => now.cameras.find(({ camera }) => camera === id);

const socket = new LiveSocket();
socket.addEventListener("hello", () => refreshSoon());
socket.addEventListener("status", ({ detail: { camera, state } }) => {
  const entry = cameraOf(camera);
  if (!entry) return;
  entry.live = { ...entry.live, ...state };
  updateFigures(cameras.element(camera), entry);
});
socket.addEventListener("shadow", ({ detail }) => {
  const entry = cameraOf(detail.camera);
  if (!entry?.shadow?.running || entry.shadow.version !== detail.version) return;
  entry.shadow.report = detail;
  updateFigures(cameras.element(detail.camera), entry);
  if (detail.dropped) refreshSoon(STORED_AFTER_MS);
});
socket.addEventListener("rolled_back", ({ detail }) => {
  toast(fill(gettext("%(camera)s went back to the version before: %(detail)s"), { camera: cameraOf(detail.camera)?.name ?? "", detail: detail.detail }), "fail");
  refreshSoon(STORED_AFTER_MS);
});
part("new-alias")?.addEventListener("click", () => on.moveAlias(null));
document.addEventListener("visibilitychange", () => refreshSoon());

show();
showHistory().catch((problem) => toast(problem.message, "fail"));
due = setTimeout(refresh, EVERY_MS);
