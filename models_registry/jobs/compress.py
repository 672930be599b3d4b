"""Carries a recipe out: each step that does something becomes a child version with a report."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from models_registry.errors import Refused
from models_registry.inspection.inspector import inspect
from models_registry.inspection.rejection import ModelRejected
from models_registry.jobs.benchmark import pictures_of
from models_registry.jobs.compared import Measured, Measuring
from models_registry.jobs.report import JobFailed, Report
from models_registry.models import CompressionRun, Job, ModelVersion, OriginChoice
from models_registry.sandbox import Limits, call
from models_registry.services.catalog import version_add
from models_registry.storage import (
    packed_path,
    registry_dir,
    set_dir,
    store_file,
    version_path,
    write_whole,
)
from models_registry.surroundings import surroundings

GIB = 1024**3
LIMITS = Limits(
    memory_bytes=6 * GIB, cpu_s=4 * 3600, wall_s=2 * 3600.0, file_bytes=4 * GIB, niceness=5
)
STILLS_SHARE, RECIPE_SHARE = 0.05, 0.7


@dataclass(frozen=True, slots=True)
class _Step:
    """What the child process says of one step: its report and where its files lie."""

    report: dict[str, Any]
    model: Path | None
    packed: Path | None


def compress(job: Job, report: Report) -> dict[str, Any]:
    """The handler of its kind of job."""
    run = (
        CompressionRun.objects.select_related("parent__model")
        .filter(pk=job.parameters["run"])
        .first()
    )
    if run is None:
        raise JobFailed("not_found", _("What was to be compressed was deleted."))
    run.reports = []  # of an attempt that lost its process
    registry_dir().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=registry_dir(), prefix=".compress-") as scratch:
        stills = _stills(job, Path(scratch), report)
        steps = _carried_out(run, stills, Path(scratch), report)
        measuring = Measuring(job, report, RECIPE_SHARE, steps=len(steps) + 1)
        children = _children(run, steps, measuring)
    failed = next((x.report for x in steps if x.report["status"] == "failed"), None)
    if failed is not None:
        # What was done before stays: its versions and reports are there.
        raise JobFailed(failed["code"], f"{failed['title']}: {failed['message']}")
    return {"run": run.pk, "versions": [x.pk for x in children]}


def _stills(job: Job, scratch: Path, report: Report) -> list[Path]:
    """Calibration pictures: of a set where they lie, of cameras taken now and thrown away after."""
    wanted, cameras = job.parameters["stills"], job.parameters["cameras"]
    if (chosen := job.parameters["calibration_set"]) is not None:
        paths = [Path(x) for x in pictures_of(set_dir(chosen))]
        if not paths:
            raise JobFailed("not_found", _("The calibration set has no pictures any more."))
        every = max(len(paths) // wanted, 1)
        return paths[::every][:wanted]
    folder = scratch / "stills"
    folder.mkdir()
    per_camera = -(-wanted // len(cameras)) if cameras else 0
    taken: list[Path] = []
    for index in range(per_camera * len(cameras)):
        if report.cancelled():
            break
        camera, share = cameras[index % len(cameras)], (index // len(cameras) + 0.5) / per_camera
        try:
            content = surroundings().still(camera, share)
        except Refused as error:
            raise JobFailed(error.code, error.message) from error
        path = folder / f"{index:04}.jpg"
        path.write_bytes(content)
        taken.append(path)
        part = (index + 1) / (per_camera * len(cameras))
        report.progress(STILLS_SHARE * part, _("%(n)d stills taken") % {"n": len(taken)})
    return taken[:wanted]


def _carried_out(
    run: CompressionRun, stills: list[Path], scratch: Path, report: Report
) -> list[_Step]:
    folder = scratch / "models"
    folder.mkdir()
    path = version_path(run.parent.sha256)
    answer = call(
        "models_registry.compression.on_stills:compress",
        {
            "model_path": str(path),
            "contract": run.parent.contract,
            "recipe": run.recipe,
            "still_paths": [str(x) for x in stills],
            "folder": str(folder),
        },
        limits=LIMITS,
        write_dir=folder,
        read_paths=[path, *stills],
        on_progress=report.part(STILLS_SHARE, RECIPE_SHARE),
        cancelled=report.cancelled,
    )
    return [
        _Step(x["report"], _file(folder, x["model"]), _file(folder, x["packed"]))
        for x in answer["steps"]
    ]


def _file(folder: Path, name: Any) -> Path | None:
    """A file that the child says it wrote: in its folder, and a file."""
    if name is None:
        return None
    path = folder / Path(str(name)).name
    if path.is_symlink() or not path.is_file():
        raise JobFailed("crashed", _("A step's file is not there."))
    return path


def _children(run: CompressionRun, steps: list[_Step], measuring: Measuring) -> list[ModelVersion]:
    """A version per step that left a model, measured beside its parent.

    A report is kept before its version is measured: who cancels that loses no more than that.
    """
    parent, before = run.parent, measuring.of(run.parent)
    made: list[ModelVersion] = []
    for step in steps:
        child = _version(run, parent, step) if step.model is not None else None
        row = dict(step.report)
        _report(run, row if child is None else row | _named(child))
        if child is None:
            continue
        after = measuring.of(child)
        run.reports = run.reports[:-1]
        _report(run, row | _named(child) | _compared(before, after, row))
        parent, before = child, after
        made.append(child)
    return made


def _report(run: CompressionRun, row: dict[str, Any]) -> None:
    run.reports = [*run.reports, row]
    run.save(update_fields=["reports"])


def _named(child: ModelVersion) -> dict[str, Any]:
    return {"version": child.pk, "reference": child.reference, "accuracy": None}


def _version(run: CompressionRun, parent: ModelVersion, step: _Step) -> ModelVersion:
    """The child of a step, taken in as any file is: looked at in the sandbox first."""
    assert step.model is not None
    assert parent.contract is not None
    try:
        found = inspect(step.model, stated=parent.contract)
    except ModelRejected as rejected:
        raise JobFailed(
            rejected.code,
            _("The file that “%(step)s” made cannot be taken in: %(why)s")
            % {"step": step.report["title"], "why": rejected},
        ) from rejected
    contract = dict(parent.contract)
    for given in found.inputs:  # a step may change what the picture input is made of
        if given.name == contract["input_name"]:
            contract["element_type"] = given.element_type
    store_file(step.model, found.sha256)
    if step.packed is not None:
        write_whole(packed_path(found.sha256), step.packed.read_bytes())
    document = found.to_json()
    document.pop("contract")
    document.pop("card")
    kind = step.report["kind"]
    child, _new = version_add(
        by=run.job.created_by if run.job else None,
        model_name=parent.model.name,
        sha256=found.sha256,
        size_bytes=found.size_bytes,
        contract=contract,
        inspection=document,
        origin=OriginChoice.COMPRESSED,
        parent=parent,
        file_name=f"{parent.model.name}-{kind}.onnx",
        notes=step.report["title"],
    )
    return child


def _compared(before: Measured, after: Measured, row: dict[str, Any]) -> dict[str, Any]:
    """The accuracy beside the parent's; what got worse is named, whatever else got better."""
    worse = list(row.get("worse", []))
    change = after.change_from(before)
    if change is not None and change["points"] is not None and change["points"] < 0:
        worse.append(
            _("less accurate: AP50 %(after).3f, before %(before).3f")
            % {"after": change["after"], "before": change["before"]}
        )
    return {"accuracy": change, "worse": worse}
