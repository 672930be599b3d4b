// The ways to mark a road, each in the same terms: what to place, what to say next, which document comes of it.
import { distance } from "./geometry.js";
import { fill, gettext } from "./i18n.js";
import { gridMethod } from "./calibration_grid.js";
import { vanishing } from "./calibration_vanishing.js";

export const CORNERS = () => [gettext("near left"), gettext("near right"), gettext("far right"), gettext("far left")];
const NEXT_CORNER = () => [
  gettext("Click the near left corner: the one closest to you on the left."),
  gettext("Now the near right corner."),
  gettext("Now the far right corner."),
  gettext("Now the far left corner."),
];
const metres = (name, label, initial, least = 0.1) => ({ name, label, unit: "m", initial, least, most: 10000 });
const measured = (value) => new Set(value.objects.map((object) => object.road_m.join())).size === value.objects.length;
const oneDeep = (value) => value.objects.flatMap((object) => object.points.map((_, point) => ({ id: object.id, point })));

/**
 * Each method: `title`, `about`, `measures` (its fields), `place(value, at)` → {id, point}, `complete(value)`,
 * `hint(value)`, `marks(value)` in the order of the document, `write(value)` → document or null, `read(document)`,
 * `label(object, i)` of a mark, `remove(value, object, point)`.
 */
const rectangle = {
  title: () => gettext("Lane rectangle"),
  about: () => gettext("Four corners on the road whose width and length you know, such as a lane between two marks."),
  measures: () => [metres("width_m", gettext("Width"), 3.5), metres("length_m", gettext("Length"), 12)],
  place: (value, at) => placeCorner(value, "corners", at),
  complete: (value) => (value.objects[0]?.points.length ?? 0) === 4,
  hint: (value) => NEXT_CORNER()[value.objects[0]?.points.length ?? 0]
    ?? gettext("Drag the corners until the drawn grid lies on the road, and check width and length."),
  marks: oneDeep,
  write({ objects: [corners], measures: { width_m: w, length_m: l } }) {
    if (corners?.points.length !== 4) return null;
    const road = [[0, 0], [w, 0], [w, l], [0, l]];
    return { points: corners.points.map((image, i) => ({ image, road_m: road[i] })) };
  },
  read: ({ points }) => ({
    measures: { width_m: points[1].road_m[0] - points[0].road_m[0], length_m: points[3].road_m[1] - points[0].road_m[1] },
    objects: [{ id: "corners", points: points.map((p) => p.image) }],
  }),
  closed: true,
  label: (_, i) => `${i + 1} ${CORNERS()[i]}`,
  remove: removeFrom,
};

const points = {
  title: () => gettext("Known points"),
  about: () => gettext("Four or more points whose places on the road you measured, from any origin: metres to the right and metres ahead."),
  measures: () => [],
  place(value, at) {
    const id = freshId(value, "p");
    const last = value.objects.at(-1);
    value.objects.push({ id, points: [at], road_m: last ? [...last.road_m] : [0, 0] });
    return { id, point: 0 };
  },
  complete: (value) => value.objects.length >= 64,
  hint(value) {
    if (value.objects.length < 4) {
      return fill(gettext("Click point %(n)s of at least four, and enter its metres to the right and ahead."), { n: value.objects.length + 1 });
    }
    if (!measured(value)) return gettext("Enter the metres to the right and ahead of each point: two points are still the same.");
    return gettext("Click more points to check the others: from the fifth on, a wrong one shows.");
  },
  marks: oneDeep,
  write: (value) => value.objects.length < 4 || !measured(value) ? null
    : { points: value.objects.map((object) => ({ image: object.points[0], road_m: object.road_m })) },
  read: ({ points: given }) => ({ measures: {}, objects: given.map((p, i) => ({ id: `p${i + 1}`, points: [p.image], road_m: p.road_m })) }),
  label: (object) => object.id.slice(1),
  fields: (object) => [["road_m", 0, gettext("right")], ["road_m", 1, gettext("ahead")]],
  remove: removeObject,
};

const marks = {
  title: () => gettext("Dash marks"),
  about: () => gettext("The same ends of dashes along two or more parallel lines, the first of each line on one level across the road."),
  measures: () => [metres("step_m", gettext("From dash to dash"), 12), metres("apart_m", gettext("Between the lines"), 3.5)],
  place(value, at) {
    let line = value.objects.find((object) => object.id === value.current);
    if (!line) {
      const id = freshId(value, "l");
      const offset = value.objects.length ? value.objects.at(-1).offset_m + value.measures.apart_m : 0;
      line = { id, points: [], along_m: [], offset_m: offset };
      value.objects.push(line);
      value.current = id;
    }
    line.along_m.push(line.points.length ? line.along_m.at(-1) + value.measures.step_m : 0);
    line.points.push(at);
    return { id: line.id, point: line.points.length - 1 };
  },
  complete: (value) => oneDeep(value).length >= 64,
  hint(value) {
    const now = value.objects.find((object) => object.id === value.current);
    if (!value.objects.length) return gettext("Click the near end of a dash on the left line, then the same end of each dash after it.");
    if (now && now.points.length < 2) return gettext("Now the same end of the next dash on this line.");
    if (value.objects.length < 2) return gettext("More dashes of this line, or press “Next line” and begin with the dash beside the first one.");
    return gettext("More dashes check the others. Press “Next line” for a further line.");
  },
  marks: oneDeep,
  write(value) {
    if (value.objects.length < 2 || oneDeep(value).length < 4) return null;
    return { points: value.objects.flatMap((line) => line.points.map((image, i) => ({ image, road_m: [line.offset_m, line.along_m[i]] }))) };
  },
  read({ points: given }) {
    const offsets = [...new Set(given.map((p) => p.road_m[0]))];
    const objects = offsets.map((offset, i) => {
      const mine = given.filter((p) => p.road_m[0] === offset);
      return { id: `l${i + 1}`, offset_m: offset, points: mine.map((p) => p.image), along_m: mine.map((p) => p.road_m[1]) };
    });
    const [first] = objects;
    const step = first.along_m.length > 1 ? first.along_m[1] - first.along_m[0] : 12;
    return { measures: { step_m: Math.abs(step) || 12, apart_m: Math.abs(offsets[1] - offsets[0]) || 3.5 }, objects };
  },
  remeasure(value, name) {
    value.objects.forEach((line, n) => {
      if (name === "apart_m") line.offset_m = n * value.measures.apart_m;
      else line.along_m = line.along_m.map((_, i) => line.along_m[0] + i * value.measures.step_m);
    });
  },
  open: true,
  label: (object, i) => `${object.id.slice(1)}·${i + 1}`,
  fields: (object, i) => [...(i === 0 ? [["offset_m", null, gettext("right")]] : []), ["along_m", i, gettext("ahead")]],
  remove(value, object, point) {
    if (point === null || object.points.length === 1) return removeObject(value, object);
    object.points.splice(point, 1);
    object.along_m.splice(point, 1);
  },
};

export const METHODS = { rectangle, points, marks, grid: gridMethod(placeCorner, removeFrom, metres), vanishing };

/** Why a new mark cannot stand there, or "". */
export function tooNear(value, at, pixels) {
  const near = value.objects.some((object) => object.points.some((point) => distance(point.map((v, k) => v * pixels[k]), at.map((v, k) => v * pixels[k])) < 6));
  return near ? gettext("There is a mark already: drag it, or click further away.") : "";
}

export function freshId(value, letter) {
  let n = value.objects.length + 1;
  while (value.objects.some((object) => object.id === `${letter}${n}`)) n++;
  return `${letter}${n}`;
}

function placeCorner(value, id, at) {
  let corners = value.objects.find((object) => object.id === id);
  if (!corners) value.objects.push((corners = { id, points: [] }));
  corners.points.push(at);
  return { id, point: corners.points.length - 1 };
}

/** Corners are told by their order: with one go those after it. */
function removeFrom(value, object, point) {
  object.points.length = point ?? 0;
  if (!object.points.length) removeObject(value, object);
}

function removeObject(value, object) {
  value.objects = value.objects.filter((other) => other.id !== object.id);
}
