"""What the pages of measuring and compressing let a person choose from."""

from __future__ import annotations

from typing import Any

from models_registry.errors import Refused
from models_registry.models import EvaluationSet
from models_registry.selectors.catalog import version_list
from models_registry.surroundings import surroundings


def version_choices() -> list[dict[str, Any]]:
    """Versions that can run, by lineage, the newest first."""
    rows = version_list().exclude(contract=None).order_by("model__name", "-number")
    return [{"id": x.pk, "reference": x.reference, "labels": x.labels} for x in rows]


def set_choices() -> list[dict[str, Any]]:
    """Sets that have pictures."""
    rows = EvaluationSet.objects.filter(images__gt=0)
    return [
        {
            "id": x.pk,
            "name": x.name,
            "images": x.images,
            "done": x.details.get("done", 0),
            "ready": x.ready,
        }
        for x in rows
    ]


def camera_choices() -> list[dict[str, Any]]:
    """Cameras of the gateway; none where the registry runs without them."""
    try:
        cameras = surroundings().cameras()
    except Refused:
        return []
    return [
        {"id": x.pk, "name": x.name, "must_blur": x.must_blur, "refusal": x.refusal}
        for x in cameras
    ]
