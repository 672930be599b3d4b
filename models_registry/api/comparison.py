"""Versions against each other: figures, and boxes on the same picture."""

from __future__ import annotations

import base64
from typing import Any, ClassVar

from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from models_registry.api.benchmarks import set_named, version_named
from models_registry.api.evaluation_sets import labels_of, whole
from models_registry.api.fields import MAX_ID, FiniteFloatField, StrictSerializer
from models_registry.api.serializers import ErrorDocument
from models_registry.api.views import ApiView, read
from models_registry.benchmarking.stills import stated_size
from models_registry.errors import Refused
from models_registry.jobs.benchmark import side
from models_registry.models import Benchmark, EvaluationSet, ModelVersion
from models_registry.sandbox import ChildFailed, Limits, call
from models_registry.selectors.comparison import Comparison, compare, row_document
from models_registry.selectors.measurements import MEAN, measured_classes, measured_threads
from models_registry.set_labels import boxes_json, picture_file
from models_registry.storage import set_dir, version_path
from models_registry.surroundings import surroundings

BAD_INPUT = OpenApiResponse(ErrorDocument, description="Bad input")
LIMITS = Limits(cpu_s=120, wall_s=60)


class ComparisonView(ApiView):
    """Size, latency and accuracy of all versions, and the best trade-off."""

    queryset = Benchmark.objects.all()

    @extend_schema(
        summary="All versions compared",
        parameters=[
            OpenApiParameter("set", int, description="The evaluation set for accuracy."),
            OpenApiParameter("class", str, description="A class, “any vehicle” or “mean”."),
            OpenApiParameter("threads", int, description="Of the latency benchmark; default 1."),
            OpenApiParameter("model", str, many=True, description="Only these lineages."),
        ],
        responses={200: OpenApiTypes.OBJECT, 400: BAD_INPUT},
    )
    def get(self, request: Request) -> Response:
        return Response(comparison_document(request))


class SideInput(StrictSerializer):
    versions = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=MAX_ID), min_length=2, max_length=2
    )
    camera = serializers.IntegerField(required=False, min_value=1, max_value=MAX_ID)
    share = FiniteFloatField(required=False, min_value=0.0, max_value=1.0)
    evaluation_set = serializers.IntegerField(required=False, min_value=1, max_value=MAX_ID)
    image = serializers.CharField(required=False, max_length=64)
    score_threshold = FiniteFloatField(required=False, min_value=0.001, max_value=1.0)


class SideBySideView(ApiView):
    """Two versions on the same picture."""

    queryset = Benchmark.objects.all()
    required_permissions: ClassVar[dict[str, str]] = {"POST": "models_registry.add_benchmark"}

    @extend_schema(
        summary="Boxes of two versions on the same picture",
        description="`camera` gives a still of now (`share` of a recording), `evaluation_set` with"
        " `image` one of its pictures. Corners are in 0–1. Agreement is not accuracy.",
        request=SideInput,
        responses={200: OpenApiTypes.OBJECT, 400: BAD_INPUT},
    )
    def post(self, request: Request) -> Response:
        given = read(SideInput, request.data)
        first, second = (version_named("versions", x) for x in given["versions"])
        jpeg, truth = picture_of(given)
        return Response(
            side_by_side(first, second, jpeg, given.get("score_threshold", 0.3)) | {"truth": truth}
        )


def comparison_document(request: Request) -> dict[str, Any]:
    """The answer of the endpoint, also for the page and its table."""
    chosen = whole(request, "set", 0)
    evaluation_set = set_named("set", chosen) if chosen else best_set()
    classes = measured_classes(evaluation_set) if evaluation_set else [MEAN]
    class_name = request.query_params.get("class") or classes[0]
    if class_name not in classes:
        raise ValidationError(
            {"class": [_("Expected one of %(names)s.") % {"names": ", ".join(classes)}]}
        )
    threads = whole(request, "threads", 1)
    compared = compare(
        evaluation_set=evaluation_set,
        class_name=class_name,
        threads=threads,
        models=request.query_params.getlist("model"),
    )
    return {
        "set": {"id": evaluation_set.pk, "name": evaluation_set.name} if evaluation_set else None,
        "class": class_name,
        "classes": classes,
        "threads": threads,
        "threads_measured": measured_threads(),
        **figures(compared),
    }


def figures(compared: Comparison) -> dict[str, Any]:
    best = compared.best
    return {
        "rows": [row_document(x) for x in compared.rows],
        "front": list(compared.front),
        "line": list(compared.line),
        "best": {"reference": best[0], "words": best[1]} if best else None,
        "not_compared": list(compared.not_compared),
        "processors": list(compared.processors),
    }


def best_set() -> EvaluationSet | None:
    """The set that most measurements were made on."""
    rows = list(EvaluationSet.objects.filter(ready=True))
    return max(
        rows, key=lambda x: (x.benchmarks.exclude(result=None).count(), x.images), default=None
    )


def picture_of(given: dict[str, Any]) -> tuple[bytes, list[dict[str, Any]] | None]:
    """The picture asked for, and its labels where it is a labelled one. Raises ``Refused``."""
    if "camera" in given:
        return surroundings().still(given["camera"], given.get("share", 0.5)), None
    if "evaluation_set" not in given:
        raise Refused("required", _("Choose a camera or a picture of an evaluation set."))
    row = set_named("evaluation_set", given["evaluation_set"])
    labels = labels_of(row)
    images = labels.whole.images
    image = labels.image(given["image"]) if "image" in given else next(iter(images), None)
    path = picture_file(set_dir(row.pk), image) if image else None
    if image is None or path is None:
        raise Refused("not_found", _("There is no such picture in this set."), "image")
    done = image.file in labels.done
    return path.read_bytes(), boxes_json(image) if done else None


def side_by_side(
    first: ModelVersion, second: ModelVersion, picture: bytes, score_threshold: float
) -> dict[str, Any]:
    """Both versions' boxes and their agreement. Raises ``Refused``."""
    for version in (first, second):
        if version.contract is None:
            raise Refused(
                "no_contract",
                _("Choose the contract of %(version)s first.") % {"version": version.reference},
            )
    score = {"score_threshold": score_threshold}
    request = {
        "first": {**side(first), **score},
        "second": {**side(second), **score},
        "stills": [picture],
        "boxes_of": 1,
    }
    try:
        found = call(
            "models_registry.benchmarking.runner:compare",
            request,
            limits=LIMITS,
            read_paths=[version_path(first.sha256), version_path(second.sha256)],
        )
    except ChildFailed as error:
        raise Refused(error.code, error.message) from error
    width, height = stated_size(picture) or (0, 0)
    kind = "png" if picture.startswith(b"\x89PNG") else "jpeg"
    return {
        "picture": f"data:image/{kind};base64," + base64.b64encode(picture).decode(),
        "width": width,
        "height": height,
        "first": {"reference": first.reference, "boxes": found["boxes"][0]["first"]},
        "second": {"reference": second.reference, "boxes": found["boxes"][0]["second"]},
        "agreement": found["total"],
    }
