"""Measurements ordered over REST, run by real jobs, kept with the machine they were made on."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings
from rest_framework.test import APIClient

from models_registry.jobs.work import work
from models_registry.models import AuditEntry, Benchmark, Job, JobState, ModelVersion
from models_registry.services.jobs import job_cancel
from models_registry.storage import set_dir
from sensing.simulation import parse_simulation_url, render_clip
from tests.models_registry.set_making import SIM, imported
from tests.models_registry.uploading import accepted, zoo_model
from tests.onnx_zoo import Seen, build, yolox_output

pytestmark = pytest.mark.django_db(transaction=True)

BENCHMARKS = "/api/v1/benchmarks/"
TRUTH: dict[str, Any] = {
    "fps": 10,
    "tolerance_frames": 5,
    "lines": [{"name": "gate", "points": [[0.0, 0.5], [1.0, 0.5]]}],
    "crossings": [{"line": "gate", "frame": 5, "direction": "forward", "class": "car"}],
}


@pytest.fixture
def version(registry: Path) -> ModelVersion:
    return accepted(zoo_model())


def other_version() -> ModelVersion:
    """Sees one of the two objects that the first version sees."""
    seen = [Seen((30.0, 40.0, 110.0, 130.0), 2, 0.7)]
    return accepted(build({"output": yolox_output(seen)}), "other.onnx")


def ordered(client: APIClient, version: ModelVersion, kind: str, **given: Any) -> dict[str, Any]:
    """A benchmark after its job."""
    answer = client.post(BENCHMARKS, {"version": version.pk, "kind": kind, **given}, format="json")
    assert answer.status_code == 201, answer.content
    assert answer.json()["job"]["state"] == "queued"
    assert work() == 1
    done: dict[str, Any] = client.get(f"{BENCHMARKS}{answer.json()['id']}/").json()
    return done


def test_latency_is_measured_for_each_number_of_threads_and_names_its_machine(
    operator: APIClient, version: ModelVersion
) -> None:
    done = ordered(operator, version, "latency", threads=[1, 2], batch_sizes=[1, 2], seconds=1)
    assert done["job"]["state"] == "succeeded", done["job"]["message"]
    runs = done["result"]["runs"]
    assert [x["threads"] for x in runs] == [1, 2]
    assert all(x["end_to_end"]["p50_ms"] > x["inference"]["p50_ms"] > 0 for x in runs)
    assert done["result"]["machine"]["processor"]
    assert done["result"]["machine"]["onnxruntime"]
    assert AuditEntry.objects.filter(action="benchmark_started").count() == 1


def test_accuracy_is_measured_per_class_on_the_labels_as_they_are(
    operator: APIClient, version: ModelVersion
) -> None:
    row = imported(operator)
    done = ordered(operator, version, "accuracy", evaluation_set=row["id"])
    assert done["job"]["state"] == "succeeded", done["job"]["message"]
    assert done["result"]["images"] == 2
    assert set(done["result"]["classes"]) == {"person", "car"}
    assert done["parameters"]["labels_key"] == row["details"]["labels_key"]


def test_two_versions_are_compared_by_agreement_which_is_not_called_accuracy(
    operator: APIClient, version: ModelVersion
) -> None:
    row = imported(operator)
    done = ordered(
        operator, version, "agreement", other=other_version().pk, evaluation_set=row["id"]
    )
    total = done["result"]["total"]
    assert (total["first"], total["second"], total["matched"]) == (4, 2, 2)
    assert total["share"] == pytest.approx(2 * 2 / 6)
    assert not any("accuracy" in name for name in done["result"])


def test_counts_are_scored_on_a_clip_of_the_allowed_folder(
    operator: APIClient, version: ModelVersion, settings: Settings, tmp_path: Path
) -> None:
    clip = render_clip(parse_simulation_url(SIM), tmp_path)
    folder = tmp_path / "videos"
    folder.mkdir()
    shutil.copy(clip.video_path, folder / "gate.mp4")
    settings.VIDEO_DIRS = [folder]
    assert operator.get("/api/v1/clips/").json() == ["gate.mp4"]
    done = ordered(operator, version, "counts", clip="gate.mp4", truth=TRUTH)
    assert done["job"]["state"] == "succeeded", done["job"]["message"]
    # The zoo model sees the same standing objects on each frame: nothing crosses, one is missed.
    assert done["result"]["total"]["truth"] == 1
    assert done["result"]["total"]["f1"] == 0.0
    assert done["result"]["wape"] == 1.0
    assert done["result"]["frames"] > 10
    assert "truth" not in done["parameters"]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"kind": "latency", "threads": []}, "invalid"),
        ({"kind": "latency", "threads": [0]}, "invalid"),
        ({"kind": "latency", "seconds": 1e9}, "invalid"),
        ({"kind": "accuracy"}, "required"),
        ({"kind": "accuracy", "evaluation_set": 99}, "invalid"),
        ({"kind": "agreement"}, "required"),
        ({"kind": "speed"}, "invalid"),
        ({"kind": "counts"}, "invalid"),
        ({"kind": "counts", "clip": "../../etc/passwd", "truth": TRUTH}, "file_missing"),
        ({"kind": "latency", "version": 99}, "invalid"),
        ({"kind": "latency", "colour": "red"}, "invalid"),
    ],
)
def test_what_cannot_be_measured_is_refused_before_a_job_is_made(
    operator: APIClient, version: ModelVersion, given: dict[str, Any], code: str
) -> None:
    jobs = Job.objects.count()
    answer = operator.post(BENCHMARKS, {"version": version.pk, **given}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (400, code), answer.content
    assert (Job.objects.count(), Benchmark.objects.count()) == (jobs, 0)


@pytest.mark.parametrize(
    "truth",
    [
        [],
        {"fps": 10},
        {**TRUTH, "lines": [{"name": "gate", "points": [[0, 0.5], [7, 0.5]]}]},
        {**TRUTH, "crossings": "many"},
    ],
)
def test_a_ground_truth_that_draws_nothing_or_nonsense_is_refused_at_once(
    operator: APIClient, version: ModelVersion, settings: Settings, tmp_path: Path, truth: Any
) -> None:
    (tmp_path / "gate.mp4").write_bytes(b"no video")
    settings.VIDEO_DIRS = [tmp_path]
    given = {"version": version.pk, "kind": "counts", "clip": "gate.mp4", "truth": truth}
    answer = operator.post(BENCHMARKS, given, format="json")
    assert answer.json()["code"] == "truth_invalid", answer.content


def test_a_clip_that_is_no_video_and_a_truth_of_other_lines_fail_with_words(
    operator: APIClient, version: ModelVersion, settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "gate.mp4").write_bytes(b"no video")
    settings.VIDEO_DIRS = [tmp_path]
    done = ordered(operator, version, "counts", clip="gate.mp4", truth=TRUTH)
    assert (done["job"]["state"], done["job"]["code"]) == ("failed", "clip_unusable")
    assert done["result"] is None


def test_a_set_that_vanished_fails_its_job_and_nothing_else(
    operator: APIClient, version: ModelVersion
) -> None:
    row = imported(operator)
    given = {"version": version.pk, "kind": "accuracy", "evaluation_set": row["id"]}
    operator.post(BENCHMARKS, given, format="json")
    shutil.rmtree(set_dir(row["id"]))
    work()
    job = Benchmark.objects.get().job
    assert job is not None
    assert (job.state, job.code) == (JobState.FAILED, "format_unknown")


def test_a_cancelled_benchmark_has_no_result(operator: APIClient, version: ModelVersion) -> None:
    operator.post(BENCHMARKS, {"version": version.pk, "kind": "latency"}, format="json")
    row = Benchmark.objects.get()
    assert row.job is not None
    job_cancel(job=row.job, by=None)
    assert work() == 0
    row.refresh_from_db()
    assert row.result is None


def test_viewers_look_operators_measure_admins_delete(
    viewer: APIClient, operator: APIClient, admin: APIClient, version: ModelVersion
) -> None:
    order = {"version": version.pk, "kind": "latency", "seconds": 1}
    assert viewer.post(BENCHMARKS, order, format="json").status_code == 403
    pk = operator.post(BENCHMARKS, order, format="json").json()["id"]
    assert viewer.get(f"{BENCHMARKS}?version={version.pk}&kind=latency").json()[0]["id"] == pk
    assert viewer.get(f"{BENCHMARKS}?kind=speed").status_code == 400
    assert operator.delete(f"{BENCHMARKS}{pk}/").status_code == 403
    assert admin.delete(f"{BENCHMARKS}{pk}/").json()["code"] == "in_use"
    Job.objects.update(state=JobState.CANCELLED)
    assert admin.delete(f"{BENCHMARKS}{pk}/").status_code == 204
