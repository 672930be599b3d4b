from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from models_registry.compression import jobs
from models_registry.compression import report as reports
from models_registry.compression.capture import run
from models_registry.compression.recipe import (
    STEPS,
    Recipe,
    dry_run,
    parameters_of,
    run_recipe,
    step_fields,
)
from models_registry.compression.report import LatencyRatio, StepReport, measure_latency_ratio
from models_registry.compression.step import Context, StepFailed
from models_registry.inspection.macs import count_macs
from tests.models_registry.compression.networks import Network, branches, pictures, residual


def recipe(*steps: dict[str, Any]) -> Recipe:
    return Recipe.from_json({"steps": list(steps)})


PRUNE = {"kind": "prune", "share": 0.2, "multiple": 4, "importance": "l2"}


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (None, 'recipe: expected an object {"steps": […]}'),
        ({"steps": [], "more": 1}, "recipe: expected an object"),
        ({"steps": []}, "steps: expected a list of 1 to 12 steps"),
        ({"steps": [{"kind": "cleanup"}] * 13}, "steps: expected a list of 1 to 12 steps"),
        ({"steps": ["prune"]}, "steps[0].kind: expected one of cleanup, prune, low_rank"),
        ({"steps": [{"kind": "distill"}]}, "steps[0].kind: expected one of"),
        ({"steps": [{"kind": "cleanup"}, {"kind": ["prune"]}]}, "steps[1].kind: expected one of"),
        ({"steps": [{"kind": "prune", "shares": 0.1}]}, "steps[0].shares: expected a parameter of"),
        ({"steps": [{"kind": "prune", "share": "0.1"}]}, "prune.share: expected a number"),
        ({"steps": [{"kind": "prune", "share": 1.5}]}, "prune.share: expected at most 0.9"),
        ({"steps": [{"kind": "prune", "share": float("nan")}]}, "expected at least 0.01"),
        ({"steps": [{"kind": "prune", "multiple": 2.5}]}, "multiple: expected an integer"),
        ({"steps": [{"kind": "prune", "multiple": True}]}, "multiple: expected an integer"),
        ({"steps": [{"kind": "prune", "reconstruct": 1}]}, "expected true or false"),
        ({"steps": [{"kind": "prune", "importance": "luck"}]}, "expected one of auto"),
        ({"steps": [{"kind": "prune", "share": None}]}, "prune.share: expected a number"),
    ],
)
def test_a_recipe_that_makes_no_sense_is_refused_with_its_place(document: Any, words: str) -> None:
    with pytest.raises(StepFailed) as refusal:
        Recipe.from_json(document)
    assert refusal.value.code == "parameters_invalid"
    assert words in refusal.value.message


def test_a_recipe_survives_json() -> None:
    for kind in STEPS:
        first = recipe({"kind": kind.kind})
        again = Recipe.from_json(json.loads(json.dumps(first.to_json())))
        assert again == first


def test_forms_are_told_every_parameter_with_the_default_that_the_step_has() -> None:
    told = {x["kind"]: x for x in json.loads(json.dumps(step_fields()))}
    assert list(told) == ["cleanup", "prune", "low_rank", "fp16", "int8", "pack"]
    for kind in STEPS:
        form = told[kind.kind]
        assert form["title"] == kind.title
        assert form["description"]
        assert all(x["help"] for x in form["parameters"])
        assert {x["name"]: x["default"] for x in form["parameters"]} == parameters_of(kind())


def test_the_dry_run_predicts_each_step_on_what_the_one_before_leaves() -> None:
    model = branches()
    first, second = dry_run(model, recipe({"kind": "cleanup"}, PRUNE))
    reports = list(
        run_recipe(
            model.SerializeToString(), recipe({"kind": "cleanup"}, PRUNE), Context(), latency=False
        )
    )
    assert first.prediction is not None
    assert second.prediction is not None
    assert first.prediction.size_bytes == reports[0].size_bytes
    assert second.prediction.size_bytes == reports[1].size_bytes
    assert second.prediction.macs == reports[1].macs


def test_a_dry_run_tells_what_cannot_be_done_and_goes_on() -> None:
    net = Network()
    old = net.model(net.conv(net.add("Relu", [net.conv("images", 3, 16)]), 16, 4), opset=11)
    rows = dry_run(old, recipe(PRUNE, {"kind": "cleanup"}, PRUNE))
    assert [x.code for x in rows] == ["graph_unsupported", "", ""]
    assert "cleans up" in rows[0].message


def test_each_step_starts_from_the_child_of_the_one_before() -> None:
    model = residual()
    context = Context(pictures(4))
    reports = list(
        run_recipe(model.SerializeToString(), recipe({"kind": "cleanup"}, PRUNE), context)
    )
    clean, pruned = reports
    assert [x.status for x in reports] == ["done", "done"]
    assert clean.size_bytes == pruned.size_bytes_before
    assert pruned.macs_before == clean.macs == count_macs(model)
    assert pruned.macs is not None
    assert pruned.macs_before is not None
    assert pruned.macs < 0.85 * pruned.macs_before
    assert pruned.drift is not None
    assert pruned.drift.relative == pytest.approx(pruned.drift_from_start.relative, rel=1e-3)
    assert pruned.latency is not None
    assert pruned.latency.rounds >= 3


def test_a_step_with_nothing_to_do_is_passed_and_one_that_fails_ends_the_recipe() -> None:
    steps = recipe(
        {"kind": "low_rank", "energy": 0.9999, "least_saving": 0.9},
        {"kind": "cleanup"},
        {"kind": "prune", "importance": "activations"},
        {"kind": "cleanup"},
    )
    reports = list(run_recipe(residual().SerializeToString(), steps, Context(), latency=False))
    assert [(x.status, x.code) for x in reports] == [
        ("nothing_to_do", "nothing_to_do"),
        ("done", ""),
        ("failed", "needs_calibration"),
    ]
    assert [x.model is None for x in reports] == [True, False, True]


@pytest.mark.parametrize("model", [b"", b"not a model", b"\x08\x07\xff\xff"])
def test_a_file_that_is_no_model_is_refused(model: bytes) -> None:
    with pytest.raises(StepFailed) as refusal:
        list(run_recipe(model, recipe(PRUNE), Context()))
    assert refusal.value.code in {"graph_unsupported", "parameters_invalid"}


def test_calibration_inputs_of_another_model_are_refused() -> None:
    feeds = [{"picture": x["images"]} for x in pictures(2)]
    with pytest.raises(StepFailed) as refusal:
        list(run_recipe(residual().SerializeToString(), recipe(PRUNE), Context(feeds)))
    assert refusal.value.code == "parameters_invalid"
    assert "calibration[0]: expected the inputs ['images']" in refusal.value.message


def report(**changes: Any) -> StepReport:
    plain: dict[str, Any] = {
        "kind": "prune", "title": "t", "parameters": {}, "status": "done",
        "size_bytes_before": 10, "model": b"12345", "macs_before": 100, "macs": 90,
    }  # fmt: skip
    return StepReport(**{**plain, **changes})


def ratio(median: float, certain: bool) -> LatencyRatio:
    return LatencyRatio(median, median, median, certain, 9, 1, 1.0, median)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ()),
        ({"model": b"12345678901"}, ("larger: 11 bytes, its parent has 10",)),
        ({"macs": 101}, ("more work: 101 multiply-accumulates, before 100",)),
        ({"latency": ratio(1.5, True)}, ("slower: takes 1.50 × its parent's time",)),
        ({"latency": ratio(1.5, False)}, ()),
        ({"latency": ratio(0.5, True)}, ()),
        ({"packed": b"123456"}, ("the packed file has 6 bytes, the model 5",)),
    ],
)
def test_what_got_worse_is_said(changes: dict[str, Any], words: tuple[str, ...]) -> None:
    assert report(**changes).worse == words
    assert report(**changes).as_json()["worse"] == list(words)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[list[float]], None]:
    """Runs take the seconds that are set, one after the other, and again from the first: how long
    they take on this machine is no matter of a test."""
    now_s, turns = [0.0], [itertools.repeat(1.0)]

    def timed(session: Any, feeds: Any) -> Any:
        now_s[0] += next(turns[0])
        return run(session, feeds)

    def take(seconds: list[float]) -> None:
        turns[0] = itertools.cycle(seconds)

    monkeypatch.setattr(reports, "run", timed)
    monkeypatch.setattr(reports, "time", SimpleNamespace(perf_counter=lambda: now_s[0]))
    return take


# A warm-up of each, then two runs of each in a round, the other one first in every second.
WARM, ROUND, TURNED = [9.0, 9.0], [1.0, 1.0, 3.0, 3.0], [3.0, 3.0, 1.0, 1.0]
DISTURBED = [1.0, 9.0, 3.0, 3.0]  # something else ran amid the parent's


@pytest.mark.parametrize(
    ("first", "second", "parent_s", "child_s"),
    [(ROUND, TURNED, 1.0, 3.0), (TURNED, ROUND, 3.0, 1.0)],
    ids=["slower", "faster"],
)
def test_what_every_round_says_is_certain(
    clock: Callable[[list[float]], None],
    first: list[float],
    second: list[float],
    parent_s: float,
    child_s: float,
) -> None:
    network = Network(side=32)
    model = network.model(network.conv("images", 3, 4))
    clock([*WARM, *first, *second, *first])
    found = measure_latency_ratio(model, model, pictures(2, side=32), rounds=3)
    assert (found.certain, found.rounds) == (True, 3)
    assert found.median == pytest.approx(child_s / parent_s)
    assert (found.parent_ms, found.child_ms) == (parent_s * 1e3, child_s * 1e3)


def test_rounds_that_disagree_leave_it_open(clock: Callable[[list[float]], None]) -> None:
    network = Network(side=32)
    model = network.model(network.conv("images", 3, 4))
    clock([*WARM, *ROUND, *TURNED, *DISTURBED])
    found = measure_latency_ratio(model, model, pictures(2, side=32), rounds=3)
    assert (found.median, found.certain) == (3.0, False)


def request(**changes: Any) -> dict[str, Any]:
    feeds = [
        {
            "images": {
                "dtype": "float32",
                "shape": list(x["images"].shape),
                "data": x["images"].tobytes(),
            }
        }
        for x in pictures(3)
    ]
    plain = {
        "model": residual().SerializeToString(),
        "recipe": {"steps": [{"kind": "cleanup"}, PRUNE]},
        "calibration": feeds,
        "seed": 1,
    }
    return {**plain, **changes}


def test_the_job_answers_in_json_and_bytes() -> None:
    told: list[float] = []
    answer = jobs.run(request(), lambda share, words: told.append(share))
    assert [x["kind"] for x in answer["steps"]] == ["cleanup", "prune"]
    assert all(isinstance(x["model"], bytes) and x["packed"] is None for x in answer["steps"])
    reports = json.loads(json.dumps([x["report"] for x in answer["steps"]], allow_nan=False))
    assert reports[1]["size_bytes"] == len(answer["steps"][1]["model"])
    assert reports[1]["on_noise"] is False
    assert told == sorted(told)
    assert 0 <= told[0] <= told[-1] <= 1


def test_the_dry_run_job_answers_in_json() -> None:
    rows = jobs.dry_run(request(), lambda share, words: None)["steps"]
    assert [x["kind"] for x in json.loads(json.dumps(rows))] == ["cleanup", "prune"]
    assert rows[1]["size_bytes"] < rows[0]["size_bytes"]


@pytest.mark.parametrize(
    "changes",
    [
        {"model": "text"},
        {"recipe": None},
        {"seed": -1},
        {"threads": 0},
        {"calibration": {}},
        {"calibration": [{}]},
        {"calibration": [{"images": {"dtype": "float32", "shape": [9], "data": b"1234"}}]},
        {"calibration": [{"images": {"dtype": "object", "shape": [1], "data": b"12345678"}}]},
        {"calibration": [{"images": b"1234"}]},
    ],
)
def test_a_request_that_makes_no_sense_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(StepFailed) as refusal:
        jobs.run(request(**changes), lambda share, words: None)
    assert refusal.value.code == "parameters_invalid"


def test_infinities_and_numpy_numbers_become_json() -> None:
    values = {"a": float("inf"), "b": (np.float32(2), np.int64(3), float("nan")), "c": True}
    assert jobs.finite(values) == {"a": None, "b": [2.0, 3, None], "c": True}
