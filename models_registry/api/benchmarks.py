"""Measurements of versions."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import ValidationError
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from models_registry.api.evaluation_sets import whole
from models_registry.api.fields import MAX_ID, FiniteFloatField, StrictSerializer
from models_registry.api.serializers import ErrorDocument, JobSerializer
from models_registry.api.views import ApiView, read
from models_registry.errors import Refused
from models_registry.models import Benchmark, BenchmarkKind, EvaluationSet, ModelVersion
from models_registry.selectors.catalog import version_list
from models_registry.services.actor import Actor
from models_registry.services.benchmarks import (
    MAX_BATCH,
    MAX_THREADS,
    MOST_RUNS,
    SECONDS,
    accuracy_start,
    agreement_start,
    benchmark_delete,
    counts_start,
    latency_start,
)
from models_registry.surroundings import surroundings
from models_registry.tasks import announce

BAD_INPUT = OpenApiResponse(ErrorDocument, description="Bad input")
CONFLICT = OpenApiResponse(ErrorDocument, description="Not now")
LISTED = 500


class BenchmarkSerializer(serializers.ModelSerializer[Benchmark]):
    """``result`` is null until the job is done. Agreement is not accuracy: both may be wrong."""

    version_name = serializers.CharField(source="version.reference", read_only=True)
    other_name = serializers.CharField(source="other.reference", read_only=True, default=None)
    set_name = serializers.CharField(source="evaluation_set.name", read_only=True, default=None)
    parameters = serializers.SerializerMethodField()
    job = JobSerializer(read_only=True)

    class Meta:
        model = Benchmark
        fields = (
            "id",
            "kind",
            "version",
            "version_name",
            "other",
            "other_name",
            "evaluation_set",
            "set_name",
            "parameters",
            "result",
            "job",
            "created_at",
        )
        read_only_fields = fields

    def get_parameters(self, row: Benchmark) -> dict[str, Any]:
        # A ground truth may hold thousands of events: who wants it has it.
        return {name: value for name, value in row.parameters.items() if name != "truth"}


def counts(most: int) -> serializers.ListField:
    return serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=most),
        required=False,
        min_length=1,
        max_length=MOST_RUNS,
    )


class BenchmarkInput(StrictSerializer):
    version = serializers.IntegerField(min_value=1, max_value=MAX_ID)
    kind = serializers.ChoiceField(choices=BenchmarkKind.choices)
    evaluation_set = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=MAX_ID
    )
    other = serializers.IntegerField(
        required=False, min_value=1, max_value=MAX_ID, help_text="Agreement: the other version."
    )
    threads = counts(MAX_THREADS)
    batch_sizes = counts(MAX_BATCH)
    seconds = FiniteFloatField(
        required=False,
        min_value=SECONDS[0],
        max_value=SECONDS[1],
        help_text="Latency: at most this long per thread count.",
    )
    max_images = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=1_000_000
    )
    score_threshold = FiniteFloatField(required=False, min_value=0.001, max_value=1.0)
    clip = serializers.CharField(required=False, max_length=255)
    truth = serializers.JSONField(
        required=False, help_text="Counts: lines, zones, crossings, visits, fps, tolerance_frames."
    )
    analysed_fps = FiniteFloatField(required=False, allow_null=True)


class BenchmarkViewSet(ListModelMixin, RetrieveModelMixin, ApiView, GenericViewSet[Benchmark]):
    """Latency, accuracy, agreement and counts of versions, on this machine."""

    queryset = Benchmark.objects.all()
    serializer_class = BenchmarkSerializer
    lookup_value_converter = "int"
    pagination_class = None

    def get_queryset(self) -> QuerySet[Benchmark]:
        return Benchmark.objects.select_related(
            "version__model", "other__model", "evaluation_set", "job__created_by"
        )

    @extend_schema(
        summary="The latest 500 benchmarks",
        parameters=[
            OpenApiParameter("version", int, description="Of one version."),
            OpenApiParameter("kind", str, enum=BenchmarkKind.values),
        ],
        responses=BenchmarkSerializer(many=True),
    )
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        rows = self.get_queryset()
        if version := whole(request, "version", 0):
            rows = rows.filter(version=version)
        if kind := request.query_params.get("kind"):
            if kind not in BenchmarkKind.values:
                expected = ", ".join(BenchmarkKind.values)
                raise ValidationError({"kind": [_("Expected one of %(k)s.") % {"k": expected}]})
            rows = rows.filter(kind=kind)
        return Response(BenchmarkSerializer(rows[:LISTED], many=True).data)

    @extend_schema(
        summary="Measure a version",
        description="Runs as a job, one at a time on this machine; follow `job`.",
        request=BenchmarkInput,
        responses={201: BenchmarkSerializer, 400: BAD_INPUT},
    )
    def create(self, request: Request) -> Response:
        row = started(request.user, read(BenchmarkInput, request.data))
        announce()
        answer = BenchmarkSerializer(self.get_queryset().get(pk=row.pk))
        return Response(answer.data, status.HTTP_201_CREATED)

    @extend_schema(summary="Forget a measurement", responses={204: None, 409: CONFLICT})
    def destroy(self, request: Request, pk: int) -> Response:
        benchmark_delete(benchmark=self.get_object(), by=request.user)
        return Response(status=status.HTTP_204_NO_CONTENT)


class ClipsView(ApiView):
    """Video files that counts can be checked on."""

    queryset = Benchmark.objects.all()

    @extend_schema(
        summary="Clips in the gateway's video folders",
        responses=serializers.ListSerializer(child=serializers.CharField()),
    )
    def get(self, request: Request) -> Response:
        return Response(surroundings().clips())


OPTIONS = {
    BenchmarkKind.LATENCY: ("threads", "batch_sizes", "seconds"),
    BenchmarkKind.ACCURACY: ("max_images",),
    BenchmarkKind.AGREEMENT: ("max_images", "score_threshold"),
    BenchmarkKind.COUNTS: ("analysed_fps",),
}


def started(by: Actor, given: dict[str, Any]) -> Benchmark:
    """A benchmark as the input describes it. Raises ``Refused`` and ``ValidationError``."""
    kind = BenchmarkKind(given["kind"])
    version = version_named("version", given["version"])
    options = {name: given[name] for name in OPTIONS[kind] if given.get(name) is not None}
    chosen = given.get("evaluation_set")
    evaluation_set = set_named("evaluation_set", chosen) if chosen is not None else None
    if kind == BenchmarkKind.LATENCY:
        return latency_start(version=version, by=by, evaluation_set=evaluation_set, **options)
    if kind == BenchmarkKind.COUNTS:
        needed(given, "clip", "truth")
        return counts_start(
            version=version, by=by, clip=given["clip"], truth=given["truth"], **options
        )
    if evaluation_set is None:
        raise Refused("required", _("Choose an evaluation set."), "evaluation_set")
    if kind == BenchmarkKind.ACCURACY:
        return accuracy_start(version=version, by=by, evaluation_set=evaluation_set, **options)
    needed(given, "other")
    other = version_named("other", given["other"])
    return agreement_start(
        version=version, by=by, other=other, evaluation_set=evaluation_set, **options
    )


def needed(given: dict[str, Any], *names: str) -> None:
    """Raises ``ValidationError`` for those that are missing."""
    if missing := {name: [_("This field is required.")] for name in names if name not in given}:
        raise ValidationError(missing)


def version_named(field: str, pk: int) -> ModelVersion:
    """Raises ``ValidationError``: a number in a body is input, not an address."""
    version = version_list().filter(pk=pk).first()
    if version is None:
        raise ValidationError({field: [_("There is no such version.")]})
    return version


def set_named(field: str, pk: int) -> EvaluationSet:
    """As ``version_named``."""
    row = EvaluationSet.objects.filter(pk=pk).first()
    if row is None:
        raise ValidationError({field: [_("There is no such evaluation set.")]})
    return row
