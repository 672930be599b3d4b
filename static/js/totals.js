// Sums over the counts document {line: {direction: {class: n}}}.
import { isVehicle } from "./classes.js";

/** {forward: {class: n}, backward: {class: n}} over all lines. */
export function byDirection(counts) {
  const sums = { forward: {}, backward: {} };
  for (const directions of Object.values(counts ?? {})) {
    for (const [direction, classes] of Object.entries(directions)) {
      for (const [name, n] of Object.entries(classes)) {
        sums[direction][name] = (sums[direction][name] ?? 0) + n;
      }
    }
  }
  return sums;
}

export const sum = (classes) => Object.values(classes ?? {}).reduce((a, b) => a + b, 0);

export function vehiclesAndPersons(counts) {
  const totals = { vehicles: 0, persons: 0 };
  const { forward, backward } = byDirection(counts);
  for (const classes of [forward, backward]) {
    for (const [name, n] of Object.entries(classes)) totals[isVehicle(name) ? "vehicles" : "persons"] += n;
  }
  return totals;
}

/** The figure that stands for a camera: {unit, today, hour}. */
export function headline(camera) {
  const modules = new Set((camera.scene.modules ?? []).map((module) => module.kind));
  const today = vehiclesAndPersons(camera.counts.today);
  const hour = vehiclesAndPersons(camera.counts.hour);
  const persons = (today.persons > 0 || modules.has("person_count")) && today.vehicles === 0 && !modules.has("vehicle_traffic");
  if (persons && !camera.scene.lines.length) {
    return { unit: "visits", today: sum(camera.counts.visits_today), hour: null };
  }
  const unit = persons ? "persons" : "vehicles";
  return { unit, today: today[unit], hour: hour[unit] };
}
