"""Changing, filling and deleting evaluation sets."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from models_registry.benchmarking.errors import EvaluationSetInvalid
from models_registry.benchmarking.evaluation_set import EvaluationSet as Labelled
from models_registry.benchmarking.evaluation_set import LabelledImage
from models_registry.errors import Conflict, Refused
from models_registry.models import (
    OPEN_STATES,
    EvaluationSet,
    Job,
    JobKind,
)
from models_registry.services.actor import Actor
from models_registry.services.audit import record
from models_registry.services.evaluation_set_making import (
    archive_path,
    checked_classes,
    checked_name,
    open_job,
)
from models_registry.set_labels import (
    SetLabels,
    image_key,
    labels_key,
    read_boxes,
    read_labels,
    write_labels,
)
from models_registry.storage import set_dir

MAX_BOXES = 1000


def set_change(
    *,
    evaluation_set: EvaluationSet,
    by: Actor,
    name: str | None = None,
    classes: Sequence[str] | None = None,
) -> EvaluationSet:
    """Another name, or other classes that its labels cover. Raises ``Refused``."""
    with transaction.atomic():
        row = _locked(evaluation_set)
        if name is not None:
            row.name = checked_name(name, row)
            row.save(update_fields=["name", "updated_at"])
        if classes is not None:
            labels = _labels(row).covering(checked_classes(classes))
            _keep(row, labels)
        record(by=by, action="set_changed", subject=row.name)
    return row


def image_change(
    *, evaluation_set: EvaluationSet, by: Actor, key: str, boxes: Any, done: bool
) -> EvaluationSet:
    """What is on one picture, as a person sees it. Raises ``Refused``."""
    if isinstance(boxes, list) and len(boxes) > MAX_BOXES:
        raise Refused(
            "too_many", _("Expected at most %(most)d boxes.") % {"most": MAX_BOXES}, "boxes"
        )
    try:
        read = read_boxes(boxes)
    except EvaluationSetInvalid as error:
        raise Refused(error.code, error.message, "boxes") from error
    with transaction.atomic():
        row = _locked(evaluation_set)
        labels = _labels(row)
        image = labels.image(key)
        if image is None:
            raise Refused("not_found", _("There is no such picture in this set."))
        unknown = sorted({x.class_name for x in read} - set(labels.whole.classes_covered))
        new = [x for x in unknown if x not in {y.class_name for y in image.boxes}]
        if new:
            raise Refused(
                "class_unknown",
                _("This set's labels cover %(classes)s, not %(new)s.")
                % {"classes": ", ".join(labels.whole.classes_covered), "new": ", ".join(new)},
                "boxes",
            )
        _keep(row, labels.changed(image, read, done))
    return row


def image_delete(*, evaluation_set: EvaluationSet, by: Actor, key: str) -> EvaluationSet:
    """Forget one picture, its file included. Raises ``Refused``."""
    with transaction.atomic():
        row = _locked(evaluation_set)
        labels = _labels(row)
        image = labels.image(key)
        if image is None:
            raise Refused("not_found", _("There is no such picture in this set."))
        _keep(row, labels.without(image))
        (set_dir(row.pk) / image.file).unlink(missing_ok=True)
        record(by=by, action="set_picture_deleted", subject=row.name, detail=key)
    return row


def set_delete(*, evaluation_set: EvaluationSet, by: Actor) -> None:
    """Delete a set and its files. Raises ``Conflict`` while it is being made or measured on."""
    if _worked_with(evaluation_set):
        raise Conflict("in_use", _("A job works with this set. Wait for it, or cancel it first."))
    pk, name = evaluation_set.pk, evaluation_set.name
    with transaction.atomic():
        evaluation_set.delete()
        record(by=by, action="set_deleted", subject=name)
        transaction.on_commit(lambda: _forget(pk))


def set_made(evaluation_set: EvaluationSet, labels: SetLabels, details: dict[str, Any]) -> None:
    """The job that makes a set is done: its files are in place."""
    with transaction.atomic():
        row = _locked(evaluation_set)
        row.details = {**row.details, **details}
        _keep(row, labels)


def still_add(
    evaluation_set: EvaluationSet, image: LabelledImage | None, details: dict[str, Any]
) -> EvaluationSet:
    """One more picture of a set that is being sampled, not looked at by anybody yet.

    ``details`` say how far it is, so that a job that lost its process goes on from there.
    """
    with transaction.atomic():
        row = _locked(evaluation_set)
        labels = _labels_so_far(row)
        if image is not None and labels.image(image_key(image)) is None:
            labels = labels.with_image(image)
        row.details = {**row.details, **details}
        _keep(row, labels)
    return row


def _worked_with(row: EvaluationSet) -> bool:
    """Whether an open job makes it, measures on it or calibrates with it."""
    compressing = Job.objects.filter(kind=JobKind.COMPRESS, state__in=OPEN_STATES).filter(
        Q(parameters__evaluation_set=row.pk) | Q(parameters__calibration_set=row.pk)
    )
    return (
        open_job(row) is not None
        or row.benchmarks.filter(job__state__in=OPEN_STATES).exists()
        or compressing.exists()
    )


def _locked(evaluation_set: EvaluationSet) -> EvaluationSet:
    row = EvaluationSet.objects.select_for_update().filter(pk=evaluation_set.pk).first()
    if row is None:
        raise Refused("not_found", _("This set is gone."))
    return row


def _labels(row: EvaluationSet) -> SetLabels:
    try:
        return read_labels(set_dir(row.pk))
    except EvaluationSetInvalid as error:
        raise Conflict("not_ready", _("This set has no pictures yet.")) from error


def _labels_so_far(row: EvaluationSet) -> SetLabels:
    """As ``_labels``; of a set without pictures, what it is going to cover."""
    try:
        return read_labels(set_dir(row.pk))
    except EvaluationSetInvalid:
        return SetLabels(Labelled(tuple(row.details.get("classes", ())), ()), frozenset())


def _keep(row: EvaluationSet, labels: SetLabels) -> None:
    write_labels(set_dir(row.pk), labels)
    finished = labels.finished()
    per_class = finished.boxes_per_class()
    row.classes = list(labels.whole.classes_covered)
    row.images, row.boxes = len(labels.whole.images), sum(per_class.values())
    row.ready = bool(finished.images)
    row.details = {
        **row.details,
        "done": len(finished.images),
        "boxes_per_class": per_class,
        # Measurements on other labels are not compared with those on these.
        "labels_key": labels_key(set_dir(row.pk)),
    }
    row.save()


def _forget(pk: int) -> None:
    archive_path(pk).unlink(missing_ok=True)
    shutil.rmtree(set_dir(pk), ignore_errors=True)
