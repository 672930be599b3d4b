"""Recipes predicted and carried out as jobs: child versions, reports, refusals."""

from __future__ import annotations

import hashlib
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from rest_framework.test import APIClient

from models_registry.compression.packing import unpack
from models_registry.jobs.work import work
from models_registry.models import (
    Benchmark,
    CompressionRun,
    Job,
    JobState,
    ModelVersion,
    OriginChoice,
)
from models_registry.storage import registry_dir, version_path
from sensing.services import camera_register
from tests.models_registry.set_making import SIM, imported
from tests.models_registry.uploading import accepted
from tests.onnx_zoo import build, yolox_output

pytestmark = pytest.mark.django_db(transaction=True)

RUNS = "/api/v1/compressions/"
SIDE = 224


def detector_with_weights() -> bytes:
    """A zoo detector whose picture also flows through convolutions, with weights to compress.

    What they compute is added to the outputs times a hundred-thousandth: it drifts, nothing moves.
    """
    model = onnx.load_from_string(build({"output": yolox_output(side=SIDE)}, side=SIDE))
    graph, rng = model.graph, np.random.default_rng(5)
    name = graph.input[0].name
    channels = (3, 16, 32, 16)
    at = name
    nodes = []
    for layer, (inside, outside) in enumerate(pairwise(channels)):
        weight = rng.normal(0, 0.1, (outside, inside, 3, 3)).astype(np.float32)
        graph.initializer.append(numpy_helper.from_array(weight, f"w{layer}"))
        nodes += [
            helper.make_node(
                "Conv", [at, f"w{layer}"], [f"c{layer}"], f"conv{layer}",
                strides=[2, 2], pads=[1, 1, 1, 1],
            ),
            helper.make_node("Relu", [f"c{layer}"], [f"r{layer}"], f"relu{layer}"),
        ]  # fmt: skip
        at = f"r{layer}"
    graph.initializer.append(numpy_helper.from_array(np.float32(1e-5), "little"))
    nodes += [
        helper.make_node("ReduceMean", [at], ["deep_mean"], "deep_mean", keepdims=0),
        helper.make_node("Mul", ["deep_mean", "little"], ["small"], "small"),
    ]
    last = graph.node[-1]
    last.output[0] = "before"
    nodes_all = [*graph.node, *nodes, helper.make_node("Add", ["before", "small"], ["output"])]
    del graph.node[:]
    graph.node.extend(nodes_all)
    graph.value_info.append(helper.make_tensor_value_info("small", TensorProto.FLOAT, []))
    onnx.checker.check_model(model)
    return model.SerializeToString()


@pytest.fixture
def version(registry: Path) -> ModelVersion:
    return accepted(detector_with_weights(), "deep.onnx")


def started(client: APIClient, parent: ModelVersion, *steps: Any, **given: Any) -> Any:
    recipe = {"steps": list(steps)}
    body = {"version": parent.pk, "recipe": recipe, **given}
    return client.post(RUNS, body, format="json")


def test_the_form_knows_every_kind_of_step_with_bounds_and_words(
    viewer: APIClient, registry: Path
) -> None:
    kinds = {x["kind"]: x for x in viewer.get(f"{RUNS}steps/").json()}
    assert {"cleanup", "prune", "low_rank", "fp16", "int8", "pack"} <= set(kinds)
    for kind in kinds.values():
        assert kind["title"]
        assert kind["description"]
        assert all(x["help"] and x["type"] for x in kind["parameters"])
    looking = {x for x, kind in kinds.items() if kind["uses_stills"]}
    assert looking == {"prune", "low_rank", "int8"}


def test_a_dry_run_predicts_sizes_and_touches_nothing(
    operator: APIClient, version: ModelVersion
) -> None:
    recipe = {"steps": [{"kind": "cleanup"}, {"kind": "fp16"}]}
    body = {"version": version.pk, "recipe": recipe}
    answer = operator.post(f"{RUNS}dry-run/", body, format="json").json()
    assert answer["start"]["size_bytes"] == version.size_bytes
    assert [x["kind"] for x in answer["steps"]] == ["cleanup", "fp16"]
    assert 0 < answer["steps"][1]["size_bytes"] < version.size_bytes
    assert ModelVersion.objects.count() == 1
    assert not CompressionRun.objects.exists()


def test_each_step_becomes_a_child_version_with_a_report_beside_its_parent(
    operator: APIClient, version: ModelVersion
) -> None:
    row = imported(operator)
    answer = started(
        operator, version, {"kind": "pack"}, {"kind": "fp16"}, evaluation_set=row["id"],
        calibration_set=row["id"], stills=2,
    )  # fmt: skip
    assert answer.status_code == 201, answer.content
    assert work() == 1
    run = operator.get(f"{RUNS}{answer.json()['id']}/").json()
    assert run["job"]["state"] == "succeeded", run["job"]["message"]
    first, second = run["reports"]
    packed, half = ModelVersion.objects.order_by("number")[1:]
    assert (first["version"], second["version"]) == (packed.pk, half.pk)
    assert (packed.parent, half.parent) == (version, packed)
    assert (half.origin, half.model) == (OriginChoice.COMPRESSED, version.model)
    assert half.contract == version.contract
    assert half.inspection["parameters"] > 0
    assert half.size_bytes == second["size_bytes"] < second["size_bytes_before"]
    assert first["latency"]["median"] > 0
    assert first["drift"]["relative"] is not None
    assert not first["on_noise"]
    assert first["accuracy"]["set"] == row["name"]
    assert set(first["accuracy"]["classes"]) == {"person", "car"}
    # Parent and children can be compared: each has been timed and scored.
    assert Benchmark.objects.count() == 6
    # The transport file unpacks to exactly the stored version.
    answer = operator.get(f"/api/v1/versions/{packed.pk}/file/?packed=1")
    content = b"".join(answer.streaming_content)
    unpacked = unpack(content, max_bytes=10_000_000)
    assert hashlib.sha256(unpacked).hexdigest() == packed.sha256
    assert len(content) == first["packed_size_bytes"]
    assert [x for x in registry_dir().iterdir() if x.name.startswith(".compress")] == []


def test_quantizing_takes_its_calibration_from_cameras_and_keeps_no_still(
    operator: APIClient, version: ModelVersion
) -> None:
    camera = camera_register(by=None, name="Road", kind="sim", url=SIM)
    answer = started(operator, version, {"kind": "int8"}, cameras=[camera.pk], stills=2)
    assert answer.status_code == 201, answer.content
    work()
    run = CompressionRun.objects.get()
    assert run.job is not None
    assert run.job.state == JobState.SUCCEEDED, run.job.message
    assert run.reports[0]["status"] == "done"
    assert run.reports[0]["accuracy"] is None
    assert list(registry_dir().rglob("*.jpg")) == []


def test_a_step_that_gets_worse_says_so(operator: APIClient, version: ModelVersion) -> None:
    """Four values for each convolution: the outputs of the layers drift, and it is written down."""
    answer = started(operator, version, {"kind": "pack", "conv_bits": 1, "sparsity": 0.9})
    assert answer.status_code == 201, answer.content
    work()
    report = CompressionRun.objects.get().reports[0]
    assert report["on_noise"]  # no stills were given, and the report says so
    assert isinstance(report["worse"], list)
    assert report["figures"]["ratio"] > 1


def test_a_step_that_fails_ends_the_recipe_and_keeps_what_was_done_before(
    operator: APIClient, version: ModelVersion
) -> None:
    row = imported(operator)
    answer = started(
        operator, version, {"kind": "int8"}, {"kind": "fp16"}, {"kind": "pack"},
        calibration_set=row["id"], stills=2,
    )  # fmt: skip
    assert answer.status_code == 201, answer.content
    work()
    run = CompressionRun.objects.get()
    assert run.job is not None
    assert (run.job.state, run.job.code) == (JobState.FAILED, "graph_unsupported")
    assert [x["status"] for x in run.reports] == ["done", "failed"]
    child = ModelVersion.objects.get(parent=version)
    assert run.reports[0]["version"] == child.pk
    assert version_path(child.sha256).is_file()


@pytest.mark.parametrize(
    ("steps", "code"),
    [
        ([], "parameters_invalid"),
        ([{"kind": "magic"}], "parameters_invalid"),
        ([{"kind": "prune", "share": 7}], "parameters_invalid"),
        ([{"kind": "prune", "colour": "red"}], "parameters_invalid"),
        ([{"kind": "int8"}], "needs_calibration"),
    ],
)
def test_a_recipe_that_cannot_be_is_refused_before_a_job_is_made(
    operator: APIClient, version: ModelVersion, steps: list[Any], code: str
) -> None:
    jobs = Job.objects.count()
    answer = started(operator, version, *steps)
    assert (answer.status_code, answer.json()["code"]) == (400, code), answer.content
    assert (Job.objects.count(), CompressionRun.objects.count()) == (jobs, 0)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"cameras": [99]}, "cameras"),
        ({"calibration_set": 99}, "invalid"),
        ({"evaluation_set": 99}, "invalid"),
        ({"stills": 0}, "invalid"),
        ({"colour": "red"}, "invalid"),
        ({"version": 99}, "invalid"),
    ],
)
def test_a_run_on_what_is_not_there_is_refused(
    operator: APIClient, version: ModelVersion, given: dict[str, Any], code: str
) -> None:
    answer = started(operator, version, {"kind": "fp16"}, **given)
    assert (answer.status_code, answer.json()["code"]) == (400, code), answer.content


def test_a_file_that_vanished_fails_its_job_and_leaves_no_scratch(
    operator: APIClient, version: ModelVersion
) -> None:
    started(operator, version, {"kind": "fp16"})
    version_path(version.sha256).unlink()
    work()
    job = CompressionRun.objects.get().job
    assert job is not None
    assert job.state == JobState.FAILED
    assert ModelVersion.objects.count() == 1
    assert [x for x in registry_dir().iterdir() if x.name.startswith(".compress")] == []


def test_viewers_look_operators_compress_admins_delete(
    viewer: APIClient, operator: APIClient, admin: APIClient, version: ModelVersion
) -> None:
    assert started(viewer, version, {"kind": "fp16"}).status_code == 403
    assert viewer.post(f"{RUNS}dry-run/", {}, format="json").status_code == 403
    pk = started(operator, version, {"kind": "fp16"}).json()["id"]
    assert [x["id"] for x in viewer.get(f"{RUNS}?version={version.pk}").json()] == [pk]
    assert operator.delete(f"{RUNS}{pk}/").status_code == 403
    assert admin.delete(f"{RUNS}{pk}/").json()["code"] == "in_use"
    Job.objects.update(state=JobState.CANCELLED)
    assert admin.delete(f"{RUNS}{pk}/").status_code == 204
