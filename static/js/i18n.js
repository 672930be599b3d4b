// Texts for people. Django's catalogue defines the functions on the window; without it English stays.
export const gettext = (text) => (window.django?.gettext ?? ((same) => same))(text);

export const ngettext = (one, many, count) =>
  window.django?.ngettext?.(one, many, count) ?? (count === 1 ? one : many);

/** "%(name)s is live", {name: "North"} → "North is live". */
export const fill = (text, values) =>
  text.replace(/%\((\w+)\)s/g, (whole, name) => (name in values ? String(values[name]) : whole));
