// Two directions of the road and a known length: for roads without marks to measure between.
import { gettext } from "./i18n.js";

const ROLES = ["along", "across", "length"];
const WORDS = {
  along: () => gettext("Along"), across: () => gettext("Across"), length: () => gettext("Known length"),
};
const LEAST = { along: 2, across: 2, length: 1 };
const of = (value, role) => value.objects.filter((object) => object.role === role);
const whole = (value, role) => of(value, role).filter((object) => object.points.length === 2);
const inOrder = (value) => ROLES.flatMap((role) => whole(value, role));

/** What is missing first; the operator may choose another. */
const wanted = (value) => value.role ?? ROLES.find((role) => whole(value, role).length < LEAST[role]) ?? null;

export const vanishing = {
  title: () => gettext("Two directions"),
  about: () => gettext("Two lines along the road, two across it at a right angle, and one length you know, such as a wheelbase or a kerb stone row."),
  measures: () => [],
  roles: () => ROLES.map((role) => [role, WORDS[role]()]),
  wanted,
  place(value, at) {
    const open = value.objects.find((object) => object.points.length === 1);
    if (open) {
      open.points.push(at);
      if (value.role && value.role === open.role && LEAST[open.role] <= whole(value, open.role).length) value.role = null;
      return { id: open.id, point: 1 };
    }
    const role = wanted(value);
    let n = of(value, role).length + 1;
    while (value.objects.some((object) => object.id === `${role}${n}`)) n++;
    const id = `${role}${n}`;
    value.objects.push({ id, role, points: [at], ...(role === "length" ? { length_m: 10 } : {}) });
    return { id, point: 0 };
  },
  complete: (value) => !value.objects.some((object) => object.points.length === 1) && wanted(value) === null,
  hint(value) {
    if (value.objects.some((object) => object.points.length === 1)) return gettext("Now its other end, as far away as it can be seen.");
    return {
      along: gettext("Click one end of a line along the road: a kerb, a lane edge."),
      across: gettext("Click one end of a line across the road at a right angle: a stop line, a joint."),
      length: gettext("Click one end of something whose length you know, then enter the length."),
    }[wanted(value)] ?? gettext("Add more lines to check these: choose Along, Across or Known length.");
  },
  marks: (value) => inOrder(value).map(({ id }) => ({ id, point: null })),
  write(value) {
    if (ROLES.some((role) => whole(value, role).length < LEAST[role])) return null;
    const ends = (role) => whole(value, role).map((object) => object.points);
    return { along: ends("along"), across: ends("across"), lengths: whole(value, "length").map((o) => ({ image: o.points, length_m: o.length_m })) };
  },
  read: ({ along, across, lengths }) => ({
    measures: {},
    objects: [
      ...along.map((points, i) => ({ id: `along${i + 1}`, role: "along", points })),
      ...across.map((points, i) => ({ id: `across${i + 1}`, role: "across", points })),
      ...lengths.map((known, i) => ({ id: `length${i + 1}`, role: "length", points: known.image, length_m: known.length_m })),
    ],
  }),
  open: true,
  shares: true,
  name: (object) => `${WORDS[object.role]()} ${object.id.replace(/\D/g, "")}`,
  label: (object, i) => (i === 0 ? vanishing.name(object) : ""),
  fields: (object) => (object.role === "length" ? [["length_m", null, gettext("length")]] : []),
  remove(value, object) {
    value.objects = value.objects.filter((other) => other.id !== object.id);
  },
};
