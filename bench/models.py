"""Every real detector at hand: size, work, latency against YOLOX-nano, accuracy on three test sets.

    python -m bench.models [--data FOLDER] [--models NAME …] [--max-images N] [--no-accuracy]

Latency ratio: inference of one thread, median over rounds in which both models ran in turn (10–90 %
of the rounds). AP50 is COCO's; in brackets where 90 % of redrawn sets would lie. "person where any"
counts only the pictures on which a person is labelled: many others of the highway set show persons
whom nobody labelled, and finding those counts as a false alarm.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import onnx

from bench.provenance import SHARED, print_provenance
from models_registry.benchmarking.accuracy import (
    SCORE_FLOOR,
    Accuracy,
    ClassAccuracy,
    for_accuracy,
    measure,
    score,
)
from models_registry.benchmarking.evaluation_set import EvaluationSet, load_set
from models_registry.benchmarking.pareto import Candidate, best_trade_off
from models_registry.benchmarking.ratio import Ratio, measure_ratio
from models_registry.benchmarking.set_import import ImportWishes, import_set
from models_registry.benchmarking.stills import Frame, read_still
from models_registry.inspection.macs import count_macs, count_parameters
from models_registry.runtime.contract import ModelContract
from models_registry.runtime.detections import Detections
from models_registry.runtime.detector import load_detector
from tests.shared_models import DETECTORS

BASE = "yolox_nano_416.onnx"
NAMES = ("person", "bicycle", "car", "motorcycle", "bus", "truck")
MOVING = ("car", "motorcycle", "bus", "truck")


@dataclass(frozen=True)
class LabelledSet:
    """A folder of labelled pictures and the classes that its labels cover, as its README says."""

    folder: str
    covered: tuple[str, ...]


SETS = (
    LabelledSet("highway/test", ("person", *MOVING)),
    LabelledSet("cctv/valid", NAMES[1:]),
    LabelledSet("cctv/test", NAMES[1:]),
    LabelledSet("openimages/test", MOVING),
)
HEADER = ("model", "bytes", "parameters", "MACs", "latency ÷ YOLOX-nano", "inference ms")
SCORED = ("highway person", "highway person where any", *(f"{x.folder} vehicle" for x in SETS))


def main() -> None:
    options = read_options()
    cv2.setNumThreads(1)
    print_provenance()
    print(f"score floor {SCORE_FLOOR}; suppression and input as each contract says\n")
    chosen = [x for x in DETECTORS if not options.models or Path(x.file).name in options.models]
    with tempfile.TemporaryDirectory() as folder:
        sets = {x.folder: prepare(options.data, x, Path(folder)) for x in SETS}
        stills = first_stills(Path(folder) / SETS[0].folder, sets[SETS[0].folder])
        columns = HEADER if options.no_accuracy else (*HEADER, *SCORED)
        print("| " + " | ".join(columns) + " |\n" + "|---" * len(columns) + "|", flush=True)
        candidates = []
        for model in chosen:
            path = options.data / "models" / model.file
            contract = load_detector(path, model.stated or None).contract
            base = (options.data / "models" / BASE, None)
            ratio = measure_ratio(base, (path, contract), stills, seconds=options.seconds)
            cells, vehicle = cost_cells(path, contract, ratio), None
            if not options.no_accuracy:
                found, vehicle = accuracy_cells(path, contract, sets, Path(folder), options)
                cells += found
            print("| " + " | ".join(cells) + " |", flush=True)
            candidates.append(
                Candidate(path.name, vehicle, ratio.candidate_inference_ms, path.stat().st_size)
            )
    for costs in (("latency_ms",), ("size_bytes",)):
        if best := best_trade_off(candidates, costs):
            print(f"\nany vehicle on {SETS[0].folder} by {costs[0]}: front {', '.join(best.front)}")
            print(best.words)


def prepare(data: Path, labelled: LabelledSet, folder: Path) -> EvaluationSet:
    """The set in its stored form."""
    wishes = ImportWishes(class_names=NAMES, classes_covered=labelled.covered)
    target = folder / labelled.folder
    import_set(data / "detection" / labelled.folder, target, wishes, lambda share, words: None)
    return load_set(target)


def first_stills(folder: Path, evaluation_set: EvaluationSet) -> list[Frame]:
    return [read_still(folder / image.file) for image in evaluation_set.images[:8]]


def cost_cells(path: Path, contract: ModelContract, ratio: Ratio) -> list[str]:
    model = onnx.load(path)
    shape = [1, 3, contract.input_height, contract.input_width]
    if contract.axes == "nhwc":
        shape = [1, contract.input_height, contract.input_width, 3]
    macs = count_macs(model, {contract.input_name: shape})
    spread = ratio.inference
    return [
        path.name,
        f"{path.stat().st_size:,}",
        f"{count_parameters(model):,}",
        "unknown" if macs is None else f"{macs / 1e6:,.0f} M",
        f"{spread.median:.2f} ({spread.p10:.2f}–{spread.p90:.2f})",
        f"{ratio.candidate_inference_ms:.1f}",
    ]


def accuracy_cells(
    path: Path,
    contract: ModelContract,
    sets: dict[str, EvaluationSet],
    folder: Path,
    options: argparse.Namespace,
) -> tuple[list[str], float | None]:
    """The scored columns, and any vehicle's AP50 on the first set."""
    detector = Recorder(path, for_accuracy(contract))
    measured: dict[str, Accuracy] = {}
    person_where_any = None
    for name, evaluation_set in sets.items():
        detector.found.clear()
        measured[name] = measure(
            detector, evaluation_set, folder / name, max_images=options.max_images
        )
        if name == SETS[0].folder and options.max_images is None:
            person_where_any = where_labelled(detector, evaluation_set, "person")
    first = measured[SETS[0].folder]
    cells = [words(first.classes["person"]), words(person_where_any)]
    cells += [words(measured[x.folder].any_vehicle) for x in SETS]
    return cells, first.any_vehicle.ap50 if first.any_vehicle else None


class Recorder:
    """A detector that keeps what it found, so that the same boxes can be scored in another way."""

    def __init__(self, path: Path, contract: ModelContract) -> None:
        self._detector = load_detector(path, contract)
        self.name, self.labels = self._detector.name, self._detector.labels
        self.stage_ms: dict[str, float] = {}
        self.found: list[Detections] = []

    def detect(self, frame: Frame, time_s: float) -> Detections:
        self.found.append(self._detector.detect(frame, time_s))
        return self.found[-1]

    def reset(self) -> None:
        self._detector.reset()


def where_labelled(
    detector: Recorder, evaluation_set: EvaluationSet, name: str
) -> ClassAccuracy | None:
    """The class on the pictures that show it, by their labels."""
    pairs = [
        (found, image)
        for found, image in zip(detector.found, evaluation_set.images, strict=True)
        if any(box.class_name == name for box in image.boxes)
    ]
    images = tuple(image for _, image in pairs)
    return score([x for x, _ in pairs], images, (name,), detector.labels).classes.get(name)


def words(accuracy: ClassAccuracy | None) -> str:
    """For example ".65 (.53–.74)"."""
    if accuracy is None or accuracy.ap50 is None:
        return "–"
    low, high = accuracy.ap50_low or 0.0, accuracy.ap50_high or 0.0
    return f"{accuracy.ap50:.2f} ({low:.2f}–{high:.2f})"


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=SHARED)
    parser.add_argument("--models", nargs="*", default=[], help="file names; all without it")
    parser.add_argument("--max-images", type=int, help="per set, spread over it; all without it")
    parser.add_argument("--no-accuracy", action="store_true")
    parser.add_argument("--seconds", type=float, default=20.0, help="per latency ratio, at most")
    options = parser.parse_args()
    for folder in ("models", "detection"):
        if not (options.data / folder).is_dir():
            parser.error(f"expected a folder {folder} in the data, found none")
    return options


if __name__ == "__main__":
    main()
