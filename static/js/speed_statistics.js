// The gateway's formulas on a histogram {first_mps, width_mps, counts}, for speeds that arrive while one looks.
const LEAST = 30;
const SOUND = 100;

export const soundness = (count) => (count < LEAST ? "refused" : count < SOUND ? "few" : "sound");

/** V = L + w·(p·n − F) / f in the bin where the cumulated count reaches p·n. */
export function percentile({ first_mps, width_mps, counts }, share) {
  const wanted = share * counts.reduce((a, b) => a + b, 0);
  let below = 0;
  for (const [k, inside] of counts.entries()) {
    if (inside > 0 && below + inside >= wanted) return first_mps + width_mps * (k + (wanted - below) / inside);
    below += inside;
  }
  return null;
}

/** The histogram with one speed more; bins are added at either end where it needs them. */
export function withSpeed({ first_mps, width_mps, counts }, speed_mps) {
  const place = Math.floor(speed_mps / width_mps);
  let first = counts.length ? Math.round(first_mps / width_mps) : place;
  const more = [...counts];
  while (place < first) {
    more.unshift(0);
    first -= 1;
  }
  while (place >= first + more.length) more.push(0);
  more[place - first] += 1;
  return { first_mps: first * width_mps, width_mps, counts: more };
}

/** A summary with one reading more: pace and share over the limit wait for the gateway, as do means that were refused until now. */
export function withReading(summary, speed_mps) {
  const histogram = withSpeed(summary.histogram, speed_mps);
  const count = summary.count + 1;
  const verdict = soundness(count);
  const v = (share) => (verdict === "refused" ? null : percentile(histogram, share));
  const { time_mean_mps: time, space_mean_mps: space } = summary;
  return {
    ...summary, histogram, count, soundness: verdict, v15_mps: v(0.15), v50_mps: v(0.5), v85_mps: v(0.85),
    time_mean_mps: time === null ? null : (time * summary.count + speed_mps) / count,
    space_mean_mps: space === null ? null : count / (summary.count / space + 1 / speed_mps),
  };
}

/** Wider bins of `span` each, for few vehicles. */
export function coarser({ first_mps, width_mps, counts }, span) {
  const first = Math.floor(Math.round(first_mps / width_mps) / span) * span;
  const lead = Math.round(first_mps / width_mps) - first;
  const wide = [];
  for (const [k, count] of counts.entries()) {
    const place = Math.floor((k + lead) / span);
    wide[place] = (wide[place] ?? 0) + count;
  }
  return { first_mps: first * width_mps, width_mps: width_mps * span, counts: Array.from(wide, (count) => count ?? 0) };
}
