// Making and finding elements.

/** An element: h("p", {class: "quiet", onclick: f, "aria-label": "…"}, "text", child…). */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

export function s(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

const spriteUse = (name) => s("use", { href: `${document.documentElement.dataset.icons}#${name}` });

export const icon = (name) => s("svg", { class: "icon", "aria-hidden": "true" }, spriteUse(name));

export const glyph = (name) => s("svg", { class: "glyph", "aria-hidden": "true" }, spriteUse(name));

/** What the server put into the page with json_script. */
export function readJson(id, otherwise = null) {
  const element = document.getElementById(id);
  return element ? JSON.parse(element.textContent) : otherwise;
}

/** Change a text only when it differs: the browser then has nothing to lay out. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export const cssColour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

let announcedAt = 0;

/** Say something through a polite live region, at most every ten seconds. */
export function announce(region, text) {
  if (!region || performance.now() - announcedAt < 10_000) return;
  announcedAt = performance.now();
  region.textContent = text;
}
