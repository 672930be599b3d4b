// A simulated camera's address, made from pictures to click instead of parameters to know.
const ROAD_ONLY = ["stop_and_go", "speed_limit"];

export function readPickers(form) {
  const { sim_place, sim_weather, sim_time, sim_seed, sim_stop_and_go } = form.elements;
  return {
    place: sim_place.value || "road",
    weather: sim_weather.value || "clear",
    time: sim_time.value || "day",
    seed: /^\d+$/.test(sim_seed.value) ? sim_seed.value : "1",
    stopAndGo: sim_stop_and_go.checked,
  };
}

/** `before` keeps the parameters that the pickers do not know (flow, fps, duration …). */
export function simulationUrl(before, { place, weather, time, seed, stopAndGo }) {
  const query = new URLSearchParams(before.startsWith("sim://") ? (before.split("?")[1] ?? "") : "");
  const set = (name, value, usual) => (value === usual ? query.delete(name) : query.set(name, value));
  set("weather", weather, "clear");
  set("time", time, "day");
  query.set("seed", seed);
  set("stop_and_go", stopAndGo ? "1" : "0", "0");
  if (before && !before.startsWith(`sim://${place}`)) query.delete("flow"); // means something else elsewhere
  if (place !== "road") for (const name of ROAD_ONLY) query.delete(name);
  return `sim://${place}?${query}`;
}
