"""The shapes of the answers on flow and speeds, for the OpenAPI document."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from sensing.models import DirectionChoice

COVERAGE = serializers.ChoiceField(
    choices=["complete", "partial", "down", "unknown"],
    help_text="“down”: the camera is known to have been down; “unknown”: nothing is known.",
)
SOUNDNESS = [("sound", "100 and more"), ("few", "30 to 99"), ("refused", "below 30: no figures")]
GAP = "Null where nothing was observed: a gap, not a zero."
BELOW_30 = "Null below 30 vehicles."


def _speed() -> serializers.FloatField:
    return serializers.FloatField(allow_null=True, help_text=f"m/s. {BELOW_30}")


def _classes() -> serializers.DictField:
    return serializers.DictField(child=serializers.IntegerField(), allow_null=True, help_text=GAP)


class FlowBinDocument(serializers.Serializer[Any]):
    start = serializers.DateTimeField()
    end = serializers.DateTimeField()
    coverage = COVERAGE
    possible_s = serializers.FloatField(help_text="Camera-seconds that have passed of the bin.")
    observed_s = serializers.FloatField()
    down_s = serializers.FloatField()
    count = serializers.IntegerField(allow_null=True, help_text=GAP)
    forward = _classes()
    backward = _classes()
    small = serializers.IntegerField(allow_null=True)
    large = serializers.IntegerField(allow_null=True)
    wrong_way = serializers.IntegerField(
        allow_null=True,
        help_text="Null also for bins below a quarter of an hour, unless of a day at most.",
    )
    car_units = serializers.FloatField(allow_null=True)
    flow_per_h = serializers.FloatField(
        allow_null=True, help_text="Of the seconds observed; over several cameras, of them all."
    )


class FlowTotalsDocument(serializers.Serializer[Any]):
    count = serializers.IntegerField()
    forward = serializers.IntegerField()
    backward = serializers.IntegerField()
    classes = serializers.DictField(child=serializers.IntegerField())
    class_percent = serializers.DictField(child=serializers.FloatField())
    small = serializers.IntegerField()
    large = serializers.IntegerField()
    wrong_way = serializers.IntegerField(allow_null=True)
    car_units = serializers.FloatField()
    observed_s = serializers.FloatField()
    down_s = serializers.FloatField()


class PeakHourDocument(serializers.Serializer[Any]):
    start = serializers.DateTimeField()
    end = serializers.DateTimeField()
    volume = serializers.FloatField()
    busiest_quarter = serializers.FloatField()
    factor = serializers.FloatField(allow_null=True, help_text="V60 / (4 · max V15)")


class PeaksDocument(serializers.Serializer[Any]):
    quarters = serializers.IntegerField()
    complete = serializers.IntegerField(
        help_text="Quarters observed throughout: the others are out."
    )
    peak = PeakHourDocument(allow_null=True)
    days = PeakHourDocument(many=True)


class LineFlowDocument(serializers.Serializer[Any]):
    camera = serializers.IntegerField()
    line = serializers.CharField()
    direction = serializers.ChoiceField(choices=DirectionChoice.choices)
    count = serializers.IntegerField()
    observed_s = serializers.FloatField()
    flow_per_h = serializers.FloatField(allow_null=True)
    car_units = serializers.FloatField()
    wrong_way = serializers.IntegerField()
    speeds = serializers.IntegerField(help_text="Vehicles whose speed was measured.")
    soundness = serializers.ChoiceField(choices=SOUNDNESS)
    space_mean_mps = _speed()
    density_per_km = serializers.FloatField(allow_null=True, help_text=BELOW_30)
    occupancy_percent = serializers.FloatField(
        allow_null=True, help_text="Of the vehicles measured: the share of time on the line."
    )


class HeadwaysDocument(serializers.Serializer[Any]):
    counted = serializers.IntegerField()
    count = serializers.IntegerField(help_text="Vehicles whose headway is known.")
    soundness = serializers.ChoiceField(choices=SOUNDNESS)
    mean_s = serializers.FloatField(allow_null=True)
    median_s = serializers.FloatField(allow_null=True)
    close_percent = serializers.FloatField(allow_null=True, help_text="Nearer than `close_s`.")
    close_s = serializers.FloatField()
    gaps = serializers.IntegerField()
    gap_median_s = serializers.FloatField(allow_null=True)
    width_s = serializers.FloatField()
    counts = serializers.ListField(child=serializers.IntegerField())


class LengthClassDocument(serializers.Serializer[Any]):
    name = serializers.CharField()
    from_m = serializers.FloatField()
    below_m = serializers.FloatField(allow_null=True, help_text="Null for no bound.")
    count = serializers.IntegerField()
    percent = serializers.FloatField(allow_null=True, help_text=BELOW_30)


class LengthsDocument(serializers.Serializer[Any]):
    count = serializers.IntegerField(help_text="Vehicles whose length was measured.")
    soundness = serializers.ChoiceField(choices=SOUNDNESS)
    classes = LengthClassDocument(many=True)


class FlowAnswer(serializers.Serializer[Any]):
    bin = serializers.IntegerField()
    time_zone = serializers.CharField()
    cameras = serializers.IntegerField()
    car_units_table = serializers.DictField(child=serializers.FloatField())
    totals = FlowTotalsDocument()
    peaks = PeaksDocument(
        required=False,
        allow_null=True,
        help_text="With `detail`; null for more than 1200 days of cameras together.",
    )
    lines = LineFlowDocument(many=True, required=False, help_text="With `detail`.")
    headways = HeadwaysDocument(
        required=False, allow_null=True, help_text="With `detail`; null for more than a day."
    )
    lengths = LengthsDocument(
        required=False, allow_null=True, help_text="With `detail`; null for more than a day."
    )
    results = FlowBinDocument(many=True)


class SpeedFiguresDocument(serializers.Serializer[Any]):
    count = serializers.IntegerField()
    doubtful = serializers.IntegerField(help_text="Of them, while the camera seemed moved.")
    soundness = serializers.ChoiceField(choices=SOUNDNESS)
    time_mean_mps = _speed()
    space_mean_mps = _speed()
    v15_mps = _speed()
    v50_mps = _speed()
    v85_mps = _speed()


class SpeedBinDocument(SpeedFiguresDocument):
    start = serializers.DateTimeField()
    end = serializers.DateTimeField()
    coverage = COVERAGE
    observed_s = serializers.FloatField()


class HistogramDocument(serializers.Serializer[Any]):
    first_mps = serializers.FloatField()
    width_mps = serializers.FloatField()
    counts = serializers.ListField(child=serializers.IntegerField())


class SpeedSummaryDocument(SpeedFiguresDocument):
    counted = serializers.IntegerField(help_text="Vehicles that passed, measured or not.")
    pace_low_mps = _speed()
    pace_width_mps = serializers.FloatField(help_text="10 km/h, or 10 mph at a site in mph.")
    pace_percent = serializers.FloatField(allow_null=True)
    limit_mps = serializers.FloatField(allow_null=True, help_text="Null for none or several.")
    limited = serializers.IntegerField(help_text="Vehicles at lines that have a limit.")
    over_limit_percent = serializers.FloatField(allow_null=True)
    histogram = HistogramDocument()


class SpeedsAnswer(serializers.Serializer[Any]):
    bin = serializers.IntegerField()
    time_zone = serializers.CharField()
    unit = serializers.CharField(help_text="Always m/s.")
    free_flow = serializers.BooleanField()
    summary = SpeedSummaryDocument()
    results = SpeedBinDocument(many=True)
