// Tiles are reordered by dragging their grip or with the arrow keys; the order is kept for everyone
// when the person may change cameras, else in this browser.
import { api } from "./api.js";
import { toast } from "./toast.js";

const KEY = "tile-order";

export function orderedIds(ids) {
  let kept = [];
  try {
    kept = JSON.parse(localStorage.getItem(KEY) ?? "[]");
  } catch {
    kept = []; // storage is forbidden or damaged: the gateway's order stays
  }
  const place = (id) => (kept.includes(id) ? kept.indexOf(id) : kept.length + ids.indexOf(id));
  return [...ids].sort((a, b) => place(a) - place(b));
}

export function enableReorder(list, { shared }) {
  const ids = () => [...list.children].map((tile) => Number(tile.dataset.camera));
  const keep = () => (shared ? keepOnGateway(ids()) : localStorage.setItem(KEY, JSON.stringify(ids())));
  let dragged = null;

  list.addEventListener("pointerdown", (event) => {
    const grip = event.target.closest(".grip");
    if (!grip) return;
    event.preventDefault();
    dragged = grip.closest(".tile");
    dragged.classList.add("dragged");
    grip.setPointerCapture(event.pointerId);
  });
  list.addEventListener("pointermove", (event) => {
    if (!dragged) return;
    const over = document.elementFromPoint(event.clientX, event.clientY)?.closest(".tile");
    if (!over || over === dragged || over.parentNode !== list) return;
    const later = dragged.compareDocumentPosition(over) & Node.DOCUMENT_POSITION_FOLLOWING;
    list.insertBefore(dragged, later ? over.nextSibling : over);
  });
  const drop = () => {
    if (!dragged) return;
    dragged.classList.remove("dragged");
    dragged = null;
    keep();
  };
  list.addEventListener("pointerup", drop);
  list.addEventListener("pointercancel", drop);

  list.addEventListener("keydown", (event) => {
    const grip = event.target.closest(".grip");
    const step = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
    if (!grip || !step) return;
    event.preventDefault();
    const tile = grip.closest(".tile");
    const neighbour = step < 0 ? tile.previousElementSibling : tile.nextElementSibling;
    if (!neighbour) return;
    list.insertBefore(tile, step < 0 ? neighbour : neighbour.nextSibling);
    grip.focus();
    keep();
  });
}

async function keepOnGateway(ids) {
  try {
    for (const [position, id] of ids.entries()) {
      await api(`cameras/${id}/`, { method: "PATCH", body: { position } });
    }
  } catch (error) {
    toast(error.message, "fail");
  }
}
