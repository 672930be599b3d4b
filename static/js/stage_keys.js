// The stage by keyboard: tools by letter, nudging, deleting, undo and redo.
const NUDGES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const LETTERS = { l: "line", z: "zone", v: "select" };
const STARTS = {
  line: [[0.2, 0.6], [0.8, 0.6]],
  zone: [[0.35, 0.4], [0.65, 0.4], [0.65, 0.7], [0.35, 0.7]],
};

/** `step`: how far an arrow key moves, 0–1 of the picture; `letters`: keys that take up a tool; `enter`: what Enter on the stage does. */
export function listenToKeys(root, scene, view, pointer, tools, { step = [0.002, 0.002], letters = LETTERS, enter = null } = {}) {
  let nudging = null;
  const typing = (event) => event.target.matches("input, textarea, select");

  document.addEventListener("keydown", (event) => {
    const key = event.key.toLowerCase();
    if ((event.ctrlKey || event.metaKey) && (key === "z" || key === "y")) {
      if (typing(event)) return;
      event.preventDefault();
      if (key === "y" || event.shiftKey) scene.redo();
      else scene.undo();
    } else if (!typing(event) && !event.ctrlKey && !event.metaKey && !event.altKey) plain(event, key);
  });

  function plain(event, key) {
    const { selected } = scene;
    if (key === "escape") {
      if (view.draft) pointer.cancel();
      else if (tools.current !== "select") tools.set("select");
      else scene.select(null);
    } else if (key in letters) {
      tools.set(letters[key]);
    } else if (key === "enter" && event.target === root) {
      (enter ?? draw)();
    } else if (key === "enter" && event.target.closest("[data-flip]")) {
      scene.flip(event.target.closest("[data-flip]").dataset.flip);
    } else if (key === "enter" && event.target.closest("[data-object]")) {
      scene.select(event.target.closest("[data-object]").dataset.object);
    } else if ((key === "delete" || key === "backspace") && view.draft) {
      view.draft.points.pop();
      view.draw();
    } else if ((key === "delete" || key === "backspace") && selected) {
      scene.remove(selected);
    } else if (key === "f" && selected && scene.kindOf(selected.id) === "line") {
      scene.flip(selected.id);
    } else if (NUDGES[event.key] && root.contains(event.target)) {
      nudge(event);
    } else return;
    event.preventDefault();
  }

  function draw() {
    if (view.draft?.kind === "zone") pointer.finishZone();
    else if (tools.current !== "select") {
      // Without a pointer a new object starts in the middle and is moved by its points.
      tools.added(scene.add(tools.current, STARTS[tools.current]));
      tools.set("select");
      pointer.focus(scene.selected.id, null);
    }
  }

  function nudge(event) {
    const group = event.target.closest("[data-object]");
    const point = event.target.closest("[data-point]")?.dataset.point;
    if (group) scene.select(group.dataset.object, point === undefined ? null : Number(point));
    if (!scene.selected) return;
    const times = event.shiftKey ? 10 : 1;
    const [x, y] = NUDGES[event.key];
    const target = `${scene.selected.id}/${scene.selected.point}`;
    if (nudging !== target) scene.step();
    nudging = target;
    scene.move(scene.selected.id, scene.selected.point, x * step[0] * times, y * step[1] * times);
  }

  root.addEventListener("keyup", () => (nudging = null));
}
