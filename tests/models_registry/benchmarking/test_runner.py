"""The sandbox's targets take JSON and bytes and give JSON and bytes, in a child process too."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from models_registry.benchmarking import runner
from models_registry.benchmarking.errors import MeasurementFailed
from models_registry.benchmarking.proposing import prepare_stills
from models_registry.benchmarking.stills import decode_still
from models_registry.runtime.errors import ModelUnusable
from models_registry.sandbox import ChildError, Limits, call
from tests.models_registry.benchmarking.pictures import (
    jpeg,
    labelled,
    model,
    png,
    stored_set,
    write_zip,
)
from tests.onnx_zoo import Seen, save, ssd_outputs
from tests.onnx_zoo import build as build_model

CAR, PERSON = (30.0, 40.0, 110.0, 130.0), (150.0, 60.0, 190.0, 170.0)


def ask(target: Callable[[Any, Any], Any], **request: Any) -> Any:
    """The answer, which must survive JSON unchanged where it holds no bytes."""
    told: list[float] = []
    answer = target(request, lambda share, words: told.append(share))
    assert told == sorted(told)
    assert told[-1] == 1.0
    if target is not runner.blur_stills:
        assert json.loads(json.dumps(answer, allow_nan=False)) == answer
    return answer


def test_latency_is_told_as_json(tmp_path: Path) -> None:
    path = str(model(tmp_path))
    answer = ask(
        runner.measure_latency,
        model_path=path,
        contract=None,
        stills=[jpeg(1), png(2, 640, 360)],
        frames=6,
        batch_sizes=[1, 2],
    )
    assert answer["still_sizes_px"] == [[224, 224], [640, 360]]
    assert answer["runs"][0]["end_to_end"]["frames"] == 6
    assert answer["runs"][0]["end_to_end"]["p95_ms"] is None
    assert answer["batches"][0]["refused"] == "the graph's batch size is fixed at 1"
    drawn = ask(runner.measure_latency, model_path=path, frames=3, drawn_width_px=320)
    assert drawn["still_sizes_px"] == [[320, 720]]


def test_a_ratio_is_told_as_json(tmp_path: Path) -> None:
    side = {"model_path": str(model(tmp_path)), "contract": None}
    answer = ask(runner.measure_ratio, base=side, candidate=side, rounds=3, stills=[jpeg(1)])
    assert answer["rounds"] == 3
    assert answer["inference"]["median"] > 0


def test_accuracy_is_told_as_json(tmp_path: Path) -> None:
    stored_set(tmp_path / "set", [[labelled("car", CAR), labelled("van", PERSON)]], ["car", "van"])
    answer = ask(
        runner.measure_accuracy,
        model_path=str(model(tmp_path)),
        contract={"nms_iou": 0.6},
        set_dir=str(tmp_path / "set"),
    )
    assert answer["classes"]["car"]["ap50"] == 1
    assert answer["classes"]["van"]["ap50"] is None
    assert answer["classes_unknown_to_model"] == ["van"]
    assert len(answer["classes"]["car"]["curve"]["precision"]) == 101
    assert answer["classes"]["car"]["curve"]["precision"][100] is None  # no box is that sure
    assert answer["settings"]["score_floor"] == 0.01
    assert answer["settings"]["nms_iou"] == 0.6
    assert answer["machine"]["onnxruntime"]


def test_a_vehicle_that_two_classes_fit_is_shown_and_proposed_once(tmp_path: Path) -> None:
    beside = (46.0, 48.0, 126.0, 138.0)
    both = model(tmp_path, [Seen(CAR, 2, 0.5), Seen(beside, 5, 0.6), Seen(PERSON, 0, 0.7)], "lorry")
    shown = ask(runner.preview, model_path=str(both), stills=[jpeg(1)], contracts=[{}])
    drafts = ask(prepare_stills, model_path=str(both), contract={}, stills=[jpeg(1)])
    for boxes in (shown["results"][0]["boxes"], drafts["stills"][0]["boxes"]):
        assert [x["class"] for x in boxes] == ["person", "bus"]


def test_versions_are_compared_on_the_same_stills(tmp_path: Path) -> None:
    both = model(tmp_path, name="both")
    car = model(tmp_path, [Seen(CAR, 2, 0.7)], "car")
    answer = ask(
        runner.compare,
        first={"model_path": str(both)},
        second={"model_path": str(car), "score_threshold": 0.6},
        stills=[jpeg(1), jpeg(2)],
        boxes_of=1,
    )
    assert answer["frames"] == 2
    assert answer["total"] == {"first": 4, "second": 2, "matched": 2, "share": 0.666667}
    assert answer["score_thresholds"] == [0.3, 0.6]
    assert len(answer["boxes"]) == 1
    assert [x["class"] for x in answer["boxes"][0]["first"]] == ["car", "person"]
    assert answer["boxes"][0]["second"][0]["xyxy"] == pytest.approx(
        [30 / 224, 40 / 224, 110 / 224, 130 / 224], abs=1e-4
    )


def test_a_still_is_read_under_each_contract(tmp_path: Path) -> None:
    path = save(build_model(ssd_outputs(first_class=1)), tmp_path, "ssd")
    labels = ["person", "bicycle", "car"]
    answer = ask(
        runner.preview,
        model_path=str(path),
        stills=[jpeg(1, 448, 224)],
        contracts=[
            {"labels": labels, "class_offset": 1, "fit": "stretch"},
            {"labels": labels, "class_offset": 1, "fit": "centre", "score_threshold": 0.7},
            {"labels": labels, "class_offset": 2},
            {"layout": "yolox", "labels": labels},
            {},
        ],
    )
    assert (answer["width_px"], answer["height_px"]) == (448, 224)
    stretched, centred, *failed = answer["results"]
    assert [x["class"] for x in stretched["boxes"]] == ["car", "person"]
    assert stretched["boxes"][0]["xyxy"][0] == pytest.approx(30 / 224, abs=1e-3)
    # On a canvas padded above and below, row 40 of 224 lies above the picture: the box is cut.
    assert centred["boxes"][0]["xyxy"][1] == 0
    assert centred["contract"]["score_threshold"] == 0.7  # its own, not the one for looking
    assert stretched["contract"]["score_threshold"] == 0.1
    assert [x["error"]["code"] for x in failed] == [
        "contract_invalid",
        "contract_mismatch",
        "ambiguous_layout",
    ]


def test_stills_come_back_blurred(tmp_path: Path) -> None:
    answer = ask(runner.blur_stills, model_path=str(model(tmp_path)), stills=[png(1), png(2)])
    assert [(x["heads"], x["plates"]) for x in answer["stills"]] == [(1, 1)] * 2
    original, blurred = decode_still(png(1)), decode_still(answer["stills"][0]["jpeg"])
    assert blurred.shape == original.shape
    assert blurred[62:90, 155:185].std() < 0.7 * original[62:90, 155:185].std()


WRONG: dict[str, tuple[Any, dict[str, Any], str]] = {
    "no model": (runner.measure_latency, {}, "model_path: expected a path, got None"),
    "contract": (runner.measure_latency, {"model_path": "x", "contract": 3}, "contract: expected"),
    "threads": (
        runner.measure_latency,
        {"model_path": "x", "threads": [0]},
        "threads: expected whole numbers 1–64, got [0]",
    ),
    "frames": (
        runner.measure_latency,
        {"model_path": "x", "frames": 1e9},
        "frames: expected a whole number 3–10000",
    ),
    "stills": (runner.measure_latency, {"model_path": "x", "stills": ["x"]}, "stills: expected"),
    "floor": (
        runner.measure_accuracy,
        {"model_path": "x", "set_dir": "x", "score_floor": float("nan")},
        "score_floor: expected a number",
    ),
    "no base": (runner.measure_ratio, {"base": None}, "base: expected a JSON object"),
    "contracts": (runner.preview, {"model_path": "x", "contracts": []}, "contracts: expected 1–24"),
    "no set": (runner.measure_accuracy, {"model_path": "x"}, "set_dir: expected a text, got None"),
    "no path": (runner.import_set, {"folder": "x"}, "path: expected a text, got None"),
    "rename": (runner.import_set, {"rename": {"a": 1}}, "rename: expected an object of words"),
}


@pytest.mark.parametrize(("target", "request_", "message"), WRONG.values(), ids=WRONG)
def test_a_request_that_makes_no_sense_is_refused(
    target: Any, request_: dict[str, Any], message: str
) -> None:
    with pytest.raises(MeasurementFailed) as no:
        target(request_, lambda share, words: None)
    assert no.value.code == "request_invalid"
    assert message in no.value.message


def test_a_missing_model_is_refused() -> None:
    with pytest.raises(ModelUnusable) as no:
        runner.measure_latency({"model_path": "/none"}, lambda share, words: None)
    assert no.value.code == "not_found"


LIMITS = Limits(wall_s=60.0)


def sandboxed(name: str, request: dict[str, Any], **options: Any) -> Any:
    target = f"models_registry.benchmarking.runner:{name}"
    return call(target, request, limits=LIMITS, **options)


def test_a_set_is_imported_and_measured_in_a_sandbox(tmp_path: Path) -> None:
    upload = write_zip(
        tmp_path / "upload.zip",
        {
            "data.yaml": "names: [car]",
            "images/a.jpg": jpeg(1),
            "labels/a.txt": "0 0.3125 0.379464 0.357143 0.401786",  # the zoo's car
        },
    )
    folder = tmp_path / "set"
    folder.mkdir()
    summary = sandboxed(
        "import_set",
        {"path": str(upload), "folder": str(folder)},
        write_dir=folder,
        read_paths=[upload],
    )
    assert summary["boxes_per_class"] == {"car": 1}
    path, told = model(tmp_path), []
    answer = sandboxed(
        "measure_accuracy",
        {"model_path": str(path), "set_dir": str(folder)},
        read_paths=[path, folder],
        on_progress=lambda share, words: told.append(words),
    )
    assert answer["any_vehicle"]["ap50"] == 1
    assert told[-1] == "scored"


def test_a_bad_set_is_refused_in_words_across_the_sandbox(tmp_path: Path) -> None:
    upload = write_zip(
        tmp_path / "upload.zip",
        {"classes.txt": "car", "images/a.jpg": jpeg(1), "labels/a.txt": "7 0.5 0.5 0.1 0.1"},
    )
    folder = tmp_path / "set"
    folder.mkdir()
    with pytest.raises(ChildError) as no:
        sandboxed(
            "import_set",
            {"path": str(upload), "folder": str(folder)},
            write_dir=folder,
            read_paths=[upload],
        )
    assert no.value.code == "labels_invalid"
    assert "labels/a.txt line 1: expected a class 0–0" in no.value.message


def test_latency_and_memory_are_measured_in_a_sandbox(tmp_path: Path) -> None:
    path = model(tmp_path)
    request = {"model_path": str(path), "frames": 5, "threads": [1, 2], "stills": [jpeg(1)]}
    answer = sandboxed("measure_latency", request, read_paths=[path])
    assert [x["threads"] for x in answer["runs"]] == [1, 2]
    assert answer["memory"]["baseline_bytes"] > 1e6
    assert answer["memory"]["peak_bytes"] >= answer["memory"]["baseline_bytes"]
    assert answer["machine"]["cores"] >= 1


def test_stills_are_blurred_in_a_sandbox(tmp_path: Path) -> None:
    path = model(tmp_path)
    request = {"model_path": str(path), "stills": [jpeg(1)]}
    answer = sandboxed("blur_stills", request, read_paths=[path])
    assert decode_still(answer["stills"][0]["jpeg"]).shape == (224, 224, 3)
