"""Statistics of traffic over a period: flow and speeds, in metres per second."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

from django.http import StreamingHttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from sensing.api.parameters import CountParameters, query
from sensing.api.results import CSV_PARAMETER
from sensing.api.statistics_documents import FlowAnswer, SpeedsAnswer
from sensing.api.streaming import ResultsView, csv_response, json_response
from sensing.domain.statistics.mix import class_shares_percent
from sensing.models import Camera, QuarterCount, QuarterSpeed
from sensing.selectors import current_site, site_time_zone
from sensing.selectors.bins import bin_edges
from sensing.selectors.flow import FlowBin, flow_bins, peak_hours
from sensing.selectors.headways import headways
from sensing.selectors.lengths import lengths
from sensing.selectors.line_flows import line_flows
from sensing.selectors.quarters import A_DAY, Selection
from sensing.selectors.rollups import days_by_quarters
from sensing.selectors.speeds import MAX_CAMERA_DAYS, speed_bins

MAX_BINS = 3000


class FlowParameters(CountParameters):
    detail = serializers.BooleanField(
        default=False, help_text="Also peak hours, lines, headways and lengths, which take longer."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        bins = (attrs["end"] - attrs["start"]) / timedelta(minutes=attrs["bin"])
        if bins > MAX_BINS:
            raise serializers.ValidationError({"bin": [_too_many(bins)]})
        return attrs


class SpeedParameters(FlowParameters):
    detail = None  # type: ignore[assignment]  # of flows only
    bin = serializers.ChoiceField(
        choices=[(15, "15"), (60, "60"), (1440, "1440"), (10080, "10080")],
        default=60,
        help_text="Minutes: 15, 60, 1440 (a day), 10080 (a week).",
    )
    free_flow = serializers.BooleanField(
        default=False,
        help_text="Only vehicles that follow nobody within 4 s; for a day at most.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        if attrs["free_flow"] and attrs["end"] - attrs["start"] > A_DAY:
            message = _("Expected a period of a day at most for free-flow speeds.")
            raise serializers.ValidationError({"free_flow": [message]})
        return attrs


class StatisticsView(ResultsView):
    def chosen(self, given: Mapping[str, Any]) -> Selection:
        cameras = Camera.objects.select_related("scene")
        if "camera" in given:
            cameras = cameras.filter(pk__in=given["camera"])
        return Selection(
            tuple(cameras),
            given["start"],
            given["end"],
            given.get("line"),
            given.get("object_class"),
            given.get("direction"),
            every="camera" not in given,
        )


class FlowView(StatisticsView):
    """Counts, flow and car units per bin, summed over the chosen cameras and lines."""

    queryset = QuarterCount.objects.all()

    @extend_schema(
        summary="Flow over time",
        parameters=[FlowParameters, CSV_PARAMETER],
        responses=FlowAnswer,
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        given = query(FlowParameters, request)
        site = current_site()
        zone = site_time_zone(site)
        chosen = self.chosen(given)
        now = timezone.now()
        bins = flow_bins(chosen, given["bin"], site, now)
        if self.wants_csv(request):
            return csv_response(request, "flow", FLOW_COLUMNS, _flow_lines(bins, zone))
        head = {
            "bin": given["bin"],
            "time_zone": zone.key,
            "cameras": len(chosen.cameras),
            "car_units_table": site.car_units,
            "totals": _totals(bins),
        }
        if given["detail"]:
            much = _camera_days(chosen) > MAX_CAMERA_DAYS
            head["peaks"] = None if much else local_times(peak_hours(chosen, site, now), zone)
            head["lines"] = line_flows(chosen, site)
            head["headways"] = headways(chosen) if chosen.is_short else None
            head["lengths"] = lengths(chosen) if chosen.is_short else None
        return json_response(request, head, (local_times(row, zone) for row in bins))


class SpeedsView(StatisticsView):
    """Speeds of the chosen lines as a whole and per bin, refused below 30 vehicles."""

    queryset = QuarterSpeed.objects.all()

    @extend_schema(
        summary="Speeds",
        parameters=[SpeedParameters, CSV_PARAMETER],
        responses=SpeedsAnswer,
    )
    def get(self, request: Request) -> StreamingHttpResponse | Response:
        given = query(SpeedParameters, request)
        site = current_site()
        zone = site_time_zone(site)
        chosen = self.chosen(given)
        edges = bin_edges(chosen.start, chosen.end, given["bin"], zone)
        _check_size(len(chosen.cameras) * days_by_quarters(edges))
        summary, bins = speed_bins(chosen, given["bin"], site, free=given["free_flow"])
        if self.wants_csv(request):
            rows = ([_local(value, zone) for value in row.values()] for row in bins)
            return csv_response(request, "speeds", list(bins[0]), rows)
        head = {
            "bin": given["bin"],
            "time_zone": zone.key,
            "unit": "m/s",
            "free_flow": given["free_flow"],
            "summary": summary,
        }
        return json_response(request, head, (local_times(row, zone) for row in bins))


FLOW_COLUMNS = [name for name in FlowBin.__annotations__ if name not in ("forward", "backward")] + [
    "forward",
    "backward",
    "classes",
]


def _flow_lines(bins: Iterable[FlowBin], zone: ZoneInfo) -> Iterator[list[Any]]:
    for row in bins:
        ways = [row["forward"], row["backward"]]
        plain = [_local(row[name], zone) for name in FLOW_COLUMNS[:-3]]  # type: ignore[literal-required]
        sums = [None if way is None else sum(way.values()) for way in ways]
        words = [
            f"{name} {direction} {count}"
            for direction, way in zip(("forward", "backward"), ways, strict=True)
            for name, count in sorted((way or {}).items())
        ]
        yield [*plain, *sums, "; ".join(words)]


def _totals(bins: list[FlowBin]) -> dict[str, Any]:
    """Sums over the period; shares in %, of what was counted."""
    classes: dict[str, int] = {}
    for row in bins:
        for way in (row["forward"], row["backward"]):
            for name, count in (way or {}).items():
                classes[name] = classes.get(name, 0) + count

    def total(name: str) -> float:
        return sum(cast(dict[str, Any], row)[name] or 0 for row in bins)

    wrong = [row["wrong_way"] for row in bins if row["wrong_way"] is not None]
    return {
        "count": int(total("count")),
        "forward": sum(sum((row["forward"] or {}).values()) for row in bins),
        "backward": sum(sum((row["backward"] or {}).values()) for row in bins),
        "classes": classes,
        "class_percent": {
            name: round(share, 2) for name, share in class_shares_percent(classes).items()
        },
        "small": int(total("small")),
        "large": int(total("large")),
        "wrong_way": sum(wrong) if wrong else None,
        "car_units": round(total("car_units"), 3),
        "observed_s": round(total("observed_s"), 3),
        "down_s": round(total("down_s"), 3),
    }


def _camera_days(chosen: Selection) -> float:
    return len(chosen.cameras) * ((chosen.end - chosen.start) / timedelta(days=1))


def _check_size(days: float) -> None:
    if days > MAX_CAMERA_DAYS:
        message = _(
            "Expected at most %(most)d days of cameras together in bins shorter than a day, got"
            " %(days)d: choose fewer cameras, a shorter period or longer bins."
        )
        raise serializers.ValidationError(
            {"camera": [message % {"most": MAX_CAMERA_DAYS, "days": days}]}
        )


def _too_many(bins: float) -> str:
    return _("Expected at most %(most)d bins, got %(bins)d: ask for longer bins.") % {
        "most": MAX_BINS,
        "bins": bins,
    }


def local_times(value: Any, zone: ZoneInfo) -> Any:
    """A document with its times on the site's clock, with their offset."""
    if isinstance(value, dict):
        return {name: local_times(part, zone) for name, part in value.items()}
    if isinstance(value, list):
        return [local_times(part, zone) for part in value]
    return _local(value, zone)


def _local(value: Any, zone: ZoneInfo) -> Any:
    return value.astimezone(zone).isoformat() if isinstance(value, datetime) else value
