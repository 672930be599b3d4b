// The scene being edited: a document with undo, selection and what is wrong with it.
import { crossesItself, distance, polygonArea } from "./geometry.js";
import { fill, gettext } from "./i18n.js";
import { clamp, StageDocument } from "./stage_document.js";

const SHORTEST_LINE = 0.01;
const SMALLEST_ZONE = 1e-5;
export const MOST_POINTS = 32;

export class SceneDocument extends StageDocument {
  constructor(scene) {
    super();
    this.serverProblems = new Map();
    this.load(scene);
  }

  load(scene) {
    this.serverProblems.clear();
    this.restart({ anchor: scene.anchor, lines: scene.lines, zones: scene.zones, modules: scene.modules ?? [] });
  }

  get objects() {
    return [...this.value.lines.map((o) => ({ kind: "line", ...o })), ...this.value.zones.map((o) => ({ kind: "zone", ...o }))];
  }

  find(id) {
    return this.value.lines.find((o) => o.id === id) ?? this.value.zones.find((o) => o.id === id) ?? null;
  }

  kindOf(id) {
    return this.value.lines.some((o) => o.id === id) ? "line" : "zone";
  }

  changed() {
    this.serverProblems.clear();
    super.changed();
  }

  add(kind, points) {
    this.step();
    const list = kind === "line" ? this.value.lines : this.value.zones;
    const names = new Set(list.map((o) => o.name));
    const base = kind === "line" ? gettext("Line %(n)s") : gettext("Zone %(n)s");
    let n = list.length + 1;
    while (names.has(fill(base, { n }))) n++;
    // Ids are never used again: the counts of a deleted line must not become those of a new one.
    const id = `${kind}-${crypto.getRandomValues(new Uint32Array(1))[0].toString(36)}`;
    list.push({ id, name: fill(base, { n }), points: points.map((p) => p.map(clamp)) });
    const brought = this.bringModule(kind);
    this.selected = { id, point: null };
    this.changed();
    return brought;
  }

  /** A line or zone that no module looks at counts nothing; answers the module switched on for it. */
  bringModule(kind) {
    const kinds = new Set(this.value.modules.map((module) => module.kind));
    const needed = kind === "zone" ? "person_count" : kinds.size ? null : "vehicle_traffic";
    if (!needed || kinds.has(needed)) return null;
    this.value.modules.push({ kind: needed, parameters: {} });
    return needed;
  }

  move(id, point, dx, dy) {
    const object = this.find(id);
    if (!object) return;
    if (point !== null) {
      object.points[point] = [clamp(object.points[point][0] + dx), clamp(object.points[point][1] + dy)];
    } else {
      const xs = object.points.map((p) => p[0]), ys = object.points.map((p) => p[1]);
      const mx = Math.min(1 - Math.max(...xs), Math.max(-Math.min(...xs), dx));
      const my = Math.min(1 - Math.max(...ys), Math.max(-Math.min(...ys), dy));
      object.points = object.points.map(([x, y]) => [clamp(x + mx), clamp(y + my)]);
    }
    this.changed();
  }

  insertPoint(id, after, point) {
    const object = this.find(id);
    if (object.points.length >= MOST_POINTS) return;
    object.points.splice(after + 1, 0, point.map(clamp));
    this.changed();
  }

  remove({ id, point }) {
    const object = this.find(id);
    if (!object) return;
    this.step();
    if (point !== null && this.kindOf(id) === "zone" && object.points.length > 3) {
      object.points.splice(point, 1);
      this.selected = { id, point: null };
    } else {
      for (const key of ["lines", "zones"]) {
        this.value[key] = this.value[key].filter((o) => o.id !== id);
        for (const module of this.value.modules) {
          if (module.parameters[key]) module.parameters[key] = module.parameters[key].filter((name) => name !== id);
        }
      }
      this.selected = null;
    }
    this.changed();
  }

  flip(id) {
    this.step();
    this.find(id).points.reverse();
    this.changed();
  }

  rename(id, name) {
    const object = this.find(id);
    const clean = name.trim().slice(0, 80);
    if (!object || !clean || object.name === clean) return;
    this.step();
    object.name = clean;
    this.changed();
  }

  setAnchor(anchor) {
    this.step();
    this.value.anchor = anchor;
    this.changed();
  }

  /** The only direction that may be driven ("" for both) and the speed limit of a line (null: none stated). */
  setRule(id, name, value) {
    const line = this.find(id);
    if (!line || (line[name] ?? null) === (value || null)) return;
    this.step();
    if (value) line[name] = value;
    else delete line[name];
    this.changed();
  }

  /** id → what is wrong, in words. */
  problems() {
    const found = new Map(this.serverProblems);
    for (const line of this.value.lines) {
      if (distance(...line.points) < SHORTEST_LINE) found.set(line.id, gettext("Too short: draw its ends further apart."));
    }
    for (const zone of this.value.zones) {
      if (crossesItself(zone.points)) found.set(zone.id, gettext("Its edges cross: move a point so that they do not."));
      else if (polygonArea(zone.points) < SMALLEST_ZONE) found.set(zone.id, gettext("It has no area: move its points apart."));
    }
    return found;
  }

  /** What the server refused, as [{where: "lines[0].points", what}]; answers what concerns no object. */
  refuse(problems) {
    const rest = [];
    for (const { where, what } of problems) {
      const [, key, index] = where.match(/^(lines|zones)\[(\d+)\]/) ?? [];
      const object = key && this.value[key][Number(index)];
      if (object) this.serverProblems.set(object.id, what);
      else rest.push(`${where}: ${what}`);
    }
    this.dispatchEvent(new Event("problems"));
    return rest;
  }
}
