"""The full chain on rendered video: picture → detector → tracker → crossing → speed, against the
exact truth of the simulated road.

    python -m bench.speed_chain [--url sim://road?…] [--model FILE.onnx] [--exact] [--fps N]

The camera is calibrated from eight points of the road that are marked with 1.5 px and 3 cm of
error, or exactly. Aims: mean absolute error at most 3 km/h, V85 within 1 km/h at n ≥ 200.

Standing still is no speed: vehicles of which the truth says less than 5 km/h are left out.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bench.provenance import print_provenance
from sensing.domain.calibration import Calibration, PointMarks, RoadPoint, calibrate
from sensing.domain.results import Crossing, SpeedReading
from sensing.domain.scene import parse_scene
from sensing.domain.statistics.agreement import compare_speeds
from sensing.domain.statistics.speeds import percentile
from sensing.simulation import default_scene, parse_simulation_url, render_clip
from sensing.simulation.camera import road_camera
from sensing.simulation.spec import SimulationSpec
from sensing.worker.detectors import build_detector
from sensing.worker.offline import Analysis, analyze_recording
from sensing.worker.plan import DetectorSpec

URL = "sim://road?seed=31&duration=960&flow=900"
KMH = 3.6
TOLERANCE_S = 1.0
LEAST_KMH = 5.0

Floats = NDArray[np.float64]


def marked(spec: SimulationSpec, exact: bool) -> Calibration:
    """A calibration from two rows of marks along the edges of the road, as a person picks them."""
    rng = np.random.default_rng([spec.seed, 77])
    camera = road_camera(spec.width, spec.height)
    road = np.array([(x, y) for y in (17.0, 26.0, 37.0, 50.0) for x in (-3.35, 3.35)])
    pixels = camera.project(np.column_stack([road, np.zeros(len(road))]))[0]
    if not exact:
        pixels = pixels + rng.normal(0.0, 1.5, pixels.shape)
        road = road + rng.normal(0.0, 0.03, road.shape)
    shares = pixels / (spec.width, spec.height)
    points = [
        RoadPoint((float(u), float(v)), (float(x), float(y)))
        for (u, v), (x, y) in zip(shares, road, strict=True)
    ]
    return calibrate(PointMarks(tuple(points)), spec.width, spec.height)


def true_speeds(truth: dict[str, Any], crossings: list[Crossing]) -> dict[int, float]:
    """m/s of each found crossing (by its place in the list) that is a true one: the nearest in
    time over the same line in the same direction, each once."""
    found: dict[int, float] = {}
    free = list(truth["crossings"])
    for k, crossing in sorted(enumerate(crossings), key=lambda item: item[1].time_s):
        here = [
            t
            for t in free
            if (t["line"], t["direction"]) == (crossing.line_id, crossing.direction)
            and abs(t["time_s"] - crossing.time_s) <= TOLERANCE_S
        ]
        if here:
            best = min(here, key=lambda t: abs(t["time_s"] - crossing.time_s))
            free.remove(best)
            found[k] = float(best["speed_mps"])
    return found


def pairs(analysis: Analysis, truth: dict[str, Any]) -> list[tuple[Crossing, SpeedReading, float]]:
    """(crossing, its speed, its true speed in m/s) of all that have both."""
    readings = {(r.line_id, r.track_id, r.nth): r for r in analysis.speeds}
    true = true_speeds(truth, analysis.crossings)
    return [
        (crossing, readings[key], true[k])
        for k, crossing in enumerate(analysis.crossings)
        if k in true
        and true[k] * KMH >= LEAST_KMH
        and (key := (crossing.line_id, crossing.track_id, crossing.nth)) in readings
    ]


def row(name: str, found: Floats, true: Floats, claimed: Floats) -> str:
    """The figures of some vehicles, from speeds in km/h."""
    off = found - true
    agreement = compare_speeds(found / KMH, true / KMH)
    if agreement is None:
        raise ValueError(f"{name}: expected vehicles with a speed, got none")
    ours, theirs = percentile(found / KMH, 85), percentile(true / KMH, 85)
    v85 = "     –      –      –"
    if ours.value_mps is not None and theirs.value_mps is not None:
        a, b = ours.value_mps * KMH, theirs.value_mps * KMH
        v85 = f"{a:>6.1f} {b:>6.1f} {a - b:>+6.2f}"
    return (
        f"{name:<22}{agreement.count:>5}{agreement.mean_absolute_mps * KMH:>7.2f}"
        f"{agreement.p95_absolute_mps * KMH:>7.2f}{agreement.bias_mps * KMH:>+7.2f}"
        f"{np.median(off):>+7.2f}{agreement.within_percent:>7.0f}{claimed.mean():>8.2f}   {v85}"
    )


def main() -> None:
    options = read_options()
    cv2.setNumThreads(1)
    spec = parse_simulation_url(options.url)
    print_provenance()
    clip = render_clip(spec, options.clips)
    truth = json.loads(clip.truth_path.read_text(encoding="utf-8"))
    scene = parse_scene(default_scene(spec))
    model = Path(options.model) if options.model else None
    detector_spec = DetectorSpec(model.stem, str(model)) if model else DetectorSpec()
    analysis = analyze_recording(
        clip.video_path,
        scene,
        build_detector(detector_spec, scene),
        analysed_fps=options.fps,
        calibration=marked(spec, options.exact),
    )
    report(analysis, truth)


def report(analysis: Analysis, truth: dict[str, Any]) -> None:
    matched = pairs(analysis, truth)
    moving = sum(float(t["speed_mps"]) * KMH >= LEAST_KMH for t in truth["crossings"])
    print(
        f"{analysis.model}: {len(analysis.crossings)} crossings, {len(analysis.speeds)} speeds;"
        f" truth {len(truth['crossings'])}, of them moving {moving}, with a speed {len(matched)}"
    )
    found = np.array([reading.speed_mps for _, reading, _ in matched]) * KMH
    true = np.array([speed for _, _, speed in matched]) * KMH
    claimed = np.array([reading.standard_error_mps for _, reading, _ in matched]) * KMH
    print(
        f"{'km/h':<22}{'n':>5}{'MAE':>7}{'p95':>7}{'bias':>7}{'median':>7}{'±3':>7}{'claimed':>8}"
        f"   {'V85':>6} {'true':>6} {'off':>6}"
    )
    print(row("all", found, true, claimed))
    for name in ("forward", "backward"):
        chosen = np.array([c.direction == name for c, _, _ in matched])
        if chosen.any():
            print(row(name, found[chosen], true[chosen], claimed[chosen]))
    for name in sorted({c.object_class for c, _, _ in matched}):
        chosen = np.array([c.object_class == name for c, _, _ in matched])
        print(row(name, found[chosen], true[chosen], claimed[chosen]))


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--url", default=URL)
    parser.add_argument("--model", help="an ONNX detector; default: motion")
    parser.add_argument("--exact", action="store_true", help="marks without error")
    parser.add_argument("--fps", type=float, help="frames analysed per second (default: all)")
    parser.add_argument("--clips", type=Path, default=Path("var/clips"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
