"""Makes an evaluation set: imports a zip, renders a simulated camera, or samples cameras."""

from __future__ import annotations

import shutil
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from models_registry.benchmarking.classes import class_name
from models_registry.benchmarking.errors import MeasurementFailed
from models_registry.benchmarking.evaluation_set import IMAGES, LabelledBox, LabelledImage
from models_registry.benchmarking.set_writer import SetWriter, clipped
from models_registry.errors import Refused
from models_registry.jobs.report import JobFailed, Postponed, Report
from models_registry.models import EvaluationSet, Job, ModelVersion
from models_registry.sandbox import Limits, call
from models_registry.services.evaluation_set_making import archive_path
from models_registry.services.evaluation_sets import set_made, still_add
from models_registry.set_labels import SetLabels, read_labels
from models_registry.storage import registry_dir, set_dir, version_path
from models_registry.surroundings import CameraChoice, surroundings

GIB = 1024**3
IMPORT_LIMITS = Limits(cpu_s=3600, wall_s=3600, file_bytes=5 * GIB)
PREPARE_LIMITS = Limits(cpu_s=120, wall_s=120)
MOST_FAULTS = 20
REST_S = 5.0  # a longer pause lets other jobs work


def make_evaluation_set(job: Job, report: Report) -> dict[str, Any]:
    """The handler of its kind of job."""
    row = EvaluationSet.objects.filter(pk=job.parameters["set"]).first()
    if row is None:
        raise JobFailed("not_found", _("The set was deleted."))
    try:
        if job.parameters["make"] == "on_site":
            return _sample(row, job, report)
        return _make_whole(row, job, report)
    except Refused as error:
        raise JobFailed(error.code, error.message) from error


def _make_whole(row: EvaluationSet, job: Job, report: Report) -> dict[str, Any]:
    """All pictures or none: nothing half-made stays."""
    make = {"upload": _import, "simulation": _simulate}[job.parameters["make"]]
    made = False
    try:
        result = make(row, report)
        made = not report.cancelled()
    finally:
        if not made:
            shutil.rmtree(set_dir(row.pk), ignore_errors=True)
        archive_path(row.pk).unlink(missing_ok=True)
    return result


def _import(row: EvaluationSet, report: Report) -> dict[str, Any]:
    archive = archive_path(row.pk)
    with tempfile.TemporaryDirectory(dir=registry_dir(), prefix=".set-") as scratch:
        folder = Path(scratch) / "set"
        folder.mkdir()
        summary = call(
            "models_registry.benchmarking.runner:import_set",
            {**row.details.get("wishes", {}), "path": str(archive), "folder": str(folder)},
            limits=IMPORT_LIMITS,
            write_dir=folder,
            read_paths=[archive],
            on_progress=report.part(0.0, 0.95),
            cancelled=report.cancelled,
        )
        labels = read_labels(folder)
        target = _fresh(row)
        shutil.rmtree(target)
        folder.replace(target)
    set_made(row, labels, {"summary": summary})
    return {"set": row.pk, "images": len(labels.whole.images)}


def _simulate(row: EvaluationSet, report: Report) -> dict[str, Any]:
    world, url, wanted = surroundings(), row.details["url"], row.details["stills"]
    writer = SetWriter(_fresh(row))
    for index, still in enumerate(world.simulated_stills(url, wanted)):
        if report.cancelled():
            return {}
        writer.add(still.jpeg, still.boxes, f"still {index + 1}")
        report.progress((index + 1) / wanted, _("%(n)d pictures rendered") % {"n": index + 1})
    whole = writer.finish(world.simulated_classes(url))
    set_made(row, SetLabels(whole, frozenset(x.file for x in whole.images)), {})
    return {"set": row.pk, "images": len(whole.images)}


def _sample(row: EvaluationSet, job: Job, report: Report) -> dict[str, Any]:
    """Still after still; what was taken stays, whatever happens to the job."""
    version = ModelVersion.objects.filter(pk=job.parameters.get("version")).first()
    if row.blurred and version is None:
        raise JobFailed("blur_blind", _("The version that was to say where to blur is gone."))
    schedule = _schedule(row)
    (set_dir(row.pk) / IMAGES).mkdir(parents=True, exist_ok=True)
    begun_s = row.details.get("begun_s") or time.time()
    for index in range(row.details.get("next", 0), len(schedule)):
        camera, share = schedule[index]
        if not camera.recorded:
            _rest_until_due(row, begun_s, index, report)
        if report.cancelled():
            break
        image, fault = None, ""
        try:
            image = _still(row, camera, share, version)
        except (Refused, MeasurementFailed) as error:
            # One camera that is away for a minute must not cost the pictures of the others.
            fault = error.message
        faults = [*row.details.get("faults", []), *([fault] if fault else [])]
        row = still_add(
            row, image, {"next": index + 1, "begun_s": begun_s, "faults": faults[-MOST_FAULTS:]}
        )
        report.progress((index + 1) / len(schedule), _words(row))
    if not row.images and not report.cancelled():
        faults = row.details.get("faults", [])
        raise JobFailed("no_pictures", " ".join([_("No still could be taken."), *faults[-3:]]))
    return {"set": row.pk, "images": row.images}


def _still(
    row: EvaluationSet, camera: CameraChoice, share: float, version: ModelVersion | None
) -> LabelledImage | None:
    clear = surroundings().still(camera.pk, share, blurred=row.blurred)
    jpeg, boxes = _prepared(clear, version, row.blurred, row.details["classes"])
    return SetWriter(set_dir(row.pk)).add(jpeg, boxes, camera.name)


def _words(row: EvaluationSet) -> str:
    faults = len(row.details.get("faults", []))
    words = _("%(n)d stills taken") % {"n": row.images}
    return words + (", " + _("%(n)d failed") % {"n": faults} if faults else "")


def _schedule(row: EvaluationSet) -> list[tuple[CameraChoice, float]]:
    """Which camera gives the next still, in turn; and the share of a recording to take it from."""
    known = {x.pk: x for x in surroundings().cameras()}
    cameras = [known[x] for x in row.details["cameras"] if x in known]
    if not cameras:
        raise JobFailed("cameras", _("None of the chosen cameras is there any more."))
    count = row.details["stills"]
    rounds = -(-count // len(cameras))
    return [
        (cameras[i % len(cameras)], (i // len(cameras) + 0.5) / max(rounds, 1))
        for i in range(count)
    ]


def _rest_until_due(row: EvaluationSet, begun_s: float, index: int, report: Report) -> None:
    """Live cameras are looked at over the whole period; raises ``Postponed`` when that takes."""
    every_s = row.details["period_s"] / max(row.details["stills"] - 1, 1)
    due_s = begun_s + index * every_s
    share = index / row.details["stills"]
    if due_s - time.time() > REST_S:
        until = datetime.fromtimestamp(due_s, UTC)
        at = timezone.localtime(until).strftime("%H:%M")
        words = f"{_words(row)} · " + _("next at %(time)s") % {"time": at}
        still_add(row, None, {"next": index, "begun_s": begun_s})
        raise Postponed(until, share, words)
    while (left_s := due_s - time.time()) > 0 and not report.cancelled():
        report.progress(share, _words(row))
        time.sleep(min(left_s, 0.5))


def _prepared(
    jpeg: bytes, version: ModelVersion | None, blurred: bool, covered: list[str]
) -> tuple[bytes, list[LabelledBox]]:
    """The picture as it may be kept, and the boxes that the version proposes."""
    if version is None:
        return jpeg, []
    path = version_path(version.sha256)
    answer = call(
        "models_registry.benchmarking.proposing:prepare_stills",
        {
            "model_path": str(path),
            "contract": version.contract,
            "stills": [jpeg],
            "blur": blurred,
        },
        limits=PREPARE_LIMITS,
        read_paths=[path],
    )["stills"][0]
    boxes = [
        LabelledBox(class_name(x["class"]), corners)
        for x in answer["boxes"]
        if class_name(x["class"]) in covered and (corners := clipped(tuple(x["xyxy"]))) is not None
    ]
    if blurred and not isinstance(answer["jpeg"], bytes):
        raise JobFailed("crashed", _("Blurring gave no picture."))
    return answer["jpeg"] if blurred else jpeg, boxes


def _fresh(row: EvaluationSet) -> Path:
    """Its folder without what an earlier attempt left."""
    folder = set_dir(row.pk)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
