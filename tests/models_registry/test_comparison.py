"""Versions side by side: what was measured, which are worth a look, boxes on one picture."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient

from models_registry.models import (
    Benchmark,
    BenchmarkKind,
    DetectionModel,
    EvaluationSet,
    ModelVersion,
    SetOrigin,
)
from sensing.services import camera_register
from tests.models_registry.set_making import SIM, imported
from tests.models_registry.uploading import accepted, zoo_model

pytestmark = pytest.mark.django_db(transaction=True)

COMPARISON = "/api/v1/comparison/"
BOXES = "/api/v1/comparison/boxes/"
KEY = "labels-as-they-are"


def make_version(number: int, size_bytes: int, **fields: Any) -> ModelVersion:
    model, _ = DetectionModel.objects.get_or_create(name="yolox")
    given = {"sha256": f"{number:064}", "contract": {"labels": ["car"]}} | fields
    return ModelVersion.objects.create(model=model, number=number, size_bytes=size_bytes, **given)


def make_set() -> EvaluationSet:
    details = {"done": 10, "labels_key": KEY}
    return EvaluationSet.objects.create(
        name="Gate", origin=SetOrigin.UPLOADED, classes=["car", "bus"], images=10, ready=True,
        details=details,
    )  # fmt: skip


def timed(version: ModelVersion, p50_ms: float, threads: int = 1, processor: str = "A") -> None:
    run = {
        "threads": threads,
        "end_to_end": {"p50_ms": p50_ms, "p95_ms": 2 * p50_ms},
        "inference": {"p50_ms": p50_ms / 2},
    }
    result = {"runs": [run], "machine": {"processor": processor}}
    Benchmark.objects.create(version=version, kind=BenchmarkKind.LATENCY, result=result)


def scored(
    version: ModelVersion, row: EvaluationSet, car: float, images: int = 10, key: str = KEY
) -> None:
    figures = {"ap50": car, "ap50_low": car - 0.05, "ap50_high": car + 0.05, "ap50_95": car / 2}
    result = {"images": images, "mean_ap50": car / 2, "classes": {"car": figures}}
    Benchmark.objects.create(
        version=version, kind=BenchmarkKind.ACCURACY, evaluation_set=row, result=result,
        parameters={"labels_key": key},
    )  # fmt: skip


def test_the_front_and_the_best_trade_off_are_named_from_what_was_measured(
    viewer: APIClient, registry: Path
) -> None:
    row = make_set()
    figures = {1: (40.0, 0.60, 4_000_000), 2: (20.0, 0.59, 1_000_000), 3: (30.0, 0.50, 3_000_000)}
    for number, (p50_ms, ap50, size_bytes) in figures.items():
        version = make_version(number, size_bytes)
        timed(version, p50_ms)
        scored(version, row, ap50)
    make_version(4, 500_000)  # measured by nobody
    answer = viewer.get(f"{COMPARISON}?class=car").json()
    assert answer["set"]["name"] == "Gate"
    assert set(answer["front"]) == {"yolox:1", "yolox:2"}
    assert answer["line"] == ["yolox:2", "yolox:1"]
    assert answer["best"]["reference"] == "yolox:2"
    assert "0.590 instead of 0.600" in answer["best"]["words"]
    assert answer["not_compared"] == ["yolox:4"]
    first = answer["rows"][0]
    assert (first["latency"]["p50_ms"], first["accuracy"]["ap50"]) == (40.0, 0.60)
    assert answer["rows"][3]["latency"] is None


def test_a_measurement_on_a_part_of_the_set_or_on_other_labels_is_not_compared(
    viewer: APIClient, registry: Path
) -> None:
    row, version = make_set(), make_version(1, 1000)
    scored(version, row, 0.9, images=5)
    scored(version, row, 0.8, key="before somebody corrected them")
    assert viewer.get(f"{COMPARISON}?class=car").json()["rows"][0]["accuracy"] is None
    scored(version, row, 0.7)
    scored(version, row, 0.6)  # the newest counts
    assert viewer.get(f"{COMPARISON}?class=car").json()["rows"][0]["accuracy"]["ap50"] == 0.6


def test_figures_of_different_machines_and_thread_counts_are_kept_apart(
    viewer: APIClient, registry: Path
) -> None:
    one, two = make_version(1, 1000), make_version(2, 1000)
    timed(one, 10.0, processor="old board")
    timed(two, 5.0, processor="new board")
    timed(two, 3.0, threads=4)
    answer = viewer.get(COMPARISON).json()
    assert answer["processors"] == ["new board", "old board"]
    assert answer["threads_measured"] == [1, 4]
    rows = viewer.get(f"{COMPARISON}?threads=4").json()["rows"]
    assert [x["latency"] and x["latency"]["p50_ms"] for x in rows] == [None, 3.0]


@pytest.mark.parametrize("query", ["set=99", "class=zebra", "threads=many", "set=-1"])
def test_a_comparison_that_makes_no_sense_is_refused(
    viewer: APIClient, registry: Path, query: str
) -> None:
    make_set()
    assert viewer.get(f"{COMPARISON}?{query}").status_code == 400


def test_without_any_measurement_the_comparison_is_empty_and_not_an_error(
    viewer: APIClient, registry: Path
) -> None:
    answer = viewer.get(COMPARISON)
    assert answer.status_code == 200
    assert (answer.json()["rows"], answer.json()["best"], answer.json()["set"]) == ([], None, None)


def test_two_versions_show_their_boxes_on_a_cameras_still_and_on_a_sets_picture(
    operator: APIClient, registry: Path
) -> None:
    first = accepted(zoo_model())
    second = accepted(zoo_model(side=256), "other.onnx")
    camera = camera_register(by=None, name="Road", kind="sim", url=SIM)
    given = {"versions": [first.pk, second.pk], "camera": camera.pk, "share": 0.5}
    answer = operator.post(BOXES, given, format="json").json()
    assert (answer["width"], answer["height"], answer["truth"]) == (320, 192, None)
    assert base64.b64decode(answer["picture"].partition(",")[2])[:3] == b"\xff\xd8\xff"
    assert answer["first"]["reference"] == first.reference
    assert {x["class"] for x in answer["first"]["boxes"]} == {"person", "car"}
    row = imported(operator)
    given = {"versions": [first.pk, second.pk], "evaluation_set": row["id"]}
    answer = operator.post(BOXES, given, format="json").json()
    assert [x["class"] for x in answer["truth"]]
    assert set(answer["agreement"]) == {"first", "second", "matched", "share"}


@pytest.mark.parametrize(
    "given",
    [
        {"versions": [1]},
        {"versions": [98, 99], "camera": 1},
        {"versions": ["a", "b"]},
        {"camera": 1},
    ],
)
def test_boxes_of_what_is_not_there_are_refused(
    operator: APIClient, registry: Path, given: dict[str, Any]
) -> None:
    assert operator.post(BOXES, given, format="json").status_code == 400


def test_viewers_may_look_at_figures_but_not_run_models(viewer: APIClient, registry: Path) -> None:
    assert viewer.get(COMPARISON).status_code == 200
    assert viewer.post(BOXES, {}, format="json").status_code == 403
