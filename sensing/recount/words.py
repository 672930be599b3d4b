"""A certificate's document in words, for the page and for the PDF alike."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from sensing.recount.phrases import class_word, direction_word, length, percent
from sensing.selectors.site import site_time_zone

Document = dict[str, Any]


@dataclass(frozen=True)
class Figure:
    """A share as people read it, and where to draw it: all in percent."""

    name: str
    text: str
    interval: str
    of: str
    value: float | None
    low: float
    high: float

    @property
    def span(self) -> float:
        return self.high - self.low


@dataclass(frozen=True)
class LineRow:
    line: str
    direction: str
    code: str
    automatic: int
    manual: int
    missed: int
    wrong: int
    precision: str
    recall: str
    f1: str
    wape: str
    geh: str


@dataclass(frozen=True)
class Words:
    """Everything that a certificate shows, in the order of the page."""

    title: str
    camera: str
    site: str
    period: str
    observed: str
    figures: list[Figure]
    counted: str
    lines: list[LineRow]
    wape: list[tuple[str, str]]
    classes: list[str]
    confusion: list[tuple[str, list[int]]]
    class_accuracy: str
    how: list[str]
    caution: list[str]
    in_service: list[tuple[str, str]]
    issued: str
    bins: list[list[Any]] = field(default_factory=list)


def words_of(document: Document) -> Words:
    """The words of a certificate's document."""
    total = document["total"]
    zone = _zone(document)
    return Words(
        title=_("Certificate of accuracy"),
        camera=document["camera"]["name"],
        site=document["site"],
        period=_period(document, zone),
        observed=_observed(document),
        figures=[
            _figure(_("Precision"), total["precision"], _("of what the system counted was there")),
            _figure(_("Recall"), total["recall"], _("of what was there was counted")),
            _figure(_("F1"), total["f1"], _("both together")),
        ],
        counted=_counted(total),
        lines=[_line_row(line, part) for line in document["lines"] for part in line["directions"]],
        wape=_wape(document),
        classes=[class_word(name) for name in document["classes"]["names"]],
        confusion=[
            (class_word(name), row)
            for name, row in zip(
                document["classes"]["names"], document["classes"]["rows"], strict=True
            )
        ],
        class_accuracy=_class_accuracy(document["classes"]["accuracy"]),
        how=_how(document),
        caution=_caution(document),
        in_service=_in_service(document),
        issued=_issued(document, zone),
        bins=_bins(document, zone),
    )


def _zone(document: Document) -> ZoneInfo:
    try:
        return ZoneInfo(document["time_zone"])
    except (KeyError, ValueError, OSError):  # a zone that this machine does not know any more
        return site_time_zone()


def _when(text: str, zone: ZoneInfo) -> str:
    return date_format(datetime.fromisoformat(text).astimezone(zone), "j M Y, H:i:s")


def _period(document: Document, zone: ZoneInfo) -> str:
    period = document["period"]
    if period["start"] is None:
        return _("Clip “%(clip)s”, %(length)s, time of day not known") % {
            "clip": document["clip"],
            "length": length(period["duration_s"]),
        }
    times = {"start": _when(period["start"], zone), "end": _when(period["end"], zone)}
    words = _("%(start)s to %(end)s") % times
    return f"{words} ({zone.key})" + (f", “{document['clip']}”" if document["clip"] else "")


def _observed(document: Document) -> str:
    period = document["period"]
    words = _("%(observed)s observed of %(whole)s") % {
        "observed": length(period["observed_s"]),
        "whole": length(period["duration_s"]),
    }
    if not period["gaps"]:
        return words
    gaps = ngettext("%(n)d gap, left out", "%(n)d gaps, left out", len(period["gaps"])) % {
        "n": len(period["gaps"])
    }
    return f"{words}; {gaps}"


def _figure(name: str, share: Document, of: str) -> Figure:
    return Figure(
        name,
        percent(share["value"]),
        _("95 %% interval %(low)s to %(high)s")
        % {"low": percent(share["low"]), "high": percent(share["high"])},
        of,
        None if share["value"] is None else 100.0 * share["value"],
        100.0 * share["low"],
        100.0 * share["high"],
    )


def _counted(total: Document) -> str:
    return _(
        "n = %(manual)d crossings counted by hand, %(automatic)d by the system."
        " Agreed: %(matched)d, missed: %(missed)d, wrong: %(wrong)d."
    ) % {name: total[name] for name in ("manual", "automatic", "matched", "missed", "wrong")}


def _line_row(line: Document, part: Document) -> LineRow:
    return LineRow(
        line=line["name"],
        direction=direction_word(part["direction"]),
        code=part["direction"],
        automatic=part["automatic"],
        manual=part["manual"],
        missed=part["missed"],
        wrong=part["wrong"],
        precision=percent(part["precision"]["value"]),
        recall=percent(part["recall"]["value"]),
        f1=percent(part["f1"]["value"]),
        wape=_number(part["wape_percent"], " %"),
        geh=_number(part["geh"]),
    )


def _number(value: float | None, unit: str = "") -> str:
    return "–" if value is None else f"{value:.1f}{unit}"


def _wape(document: Document) -> list[tuple[str, str]]:
    bins, totals = document["wape"]["bins"], document["wape"]["totals"]
    minutes = round(document["method"]["bin_s"] / 60)
    return [
        (
            ngettext("WAPE per minute", "WAPE per %(n)d minutes", minutes) % {"n": minutes},
            _number(bins["wape_percent"], " %"),
        ),
        (_("WAPE of the totals per line and direction"), _number(totals["wape_percent"], " %")),
        (_("Bias of the totals"), _number(totals["bias_percent"], " %")),
    ]


def _class_accuracy(share: Document) -> str:
    if not share["of"]:
        return _("No class was compared.")
    return _(
        "%(right)d of %(of)d classes right: %(value)s (95 %% interval %(low)s to %(high)s)"
    ) % {
        "right": share["hits"],
        "of": share["of"],
        "value": percent(share["value"]),
        "low": percent(share["low"]),
        "high": percent(share["high"]),
    }


def _how(document: Document) -> list[str]:
    method = document["method"]
    live = document["recount"]["kind"] == "live"
    source = (
        _("The pixels along each line were recorded while the camera counted (an audit strip).")
        if live
        else _(
            "The clip was put through the camera's own models, scene and frame rate, and the pixels"
            " along each line were recorded (an audit strip)."
        )
    )
    return [
        source,
        _(
            "A person judged each of the %(judged)d crossings that the system had marked on the"
            " strip, added %(added)d that it had missed, and states to have looked through all"
            " of it."
        )
        % {"judged": method["judged"], "added": method["added"]},
        _(
            "Events are matched one to one on the same line and in the same direction within"
            " %(s)s s. Totals let errors cancel each other, so both are stated."
        )
        % {"s": f"{method['tolerance_s']:g}"},
        _("Intervals are Wilson's, at 95 %; that of F1 is carried over from its share of events."),
    ]


def _caution(document: Document) -> list[str]:
    total, method = document["total"], document["method"]
    words = []
    if document["few"]:
        words.append(
            _(
                "n = %(n)d is fewer than %(few)d crossings: the intervals above say how little is"
                " known, and the figures alone should not be quoted."
            )
            % {"n": total["manual"], "few": method["few_below"]}
        )
    if document["geh_stated"]:
        words.append(_("GEH compares hourly flows; below 5 on 85 % of links is usual."))
    else:
        words.append(
            _(
                "No GEH is stated: it is defined for hourly flows, and less than an hour was"
                " observed."
            )
        )
    words.append(
        _(
            "The person saw the system's marks while counting. What neither saw on the strip is in"
            " no figure."
        )
    )
    words.append(_("Speeds were not compared with a reference: nothing is claimed about them."))
    return words


def _in_service(document: Document) -> list[tuple[str, str]]:
    given = document["in_service"]
    calibration = given["calibration"]
    return [
        (_("Models"), ", ".join(given["models"]) or _("not known")),
        (_("Frames per second"), f"{given['analysed_fps']:g}"),
        (_("Calibration"), f"#{calibration}" if calibration else _("none")),
        (_("Revision of the scene"), str(given["scene_revision"])),
        (_("Gateway"), f"AISION {given['gateway']}"),
    ]


def _issued(document: Document, zone: ZoneInfo) -> str:
    issued = document["issued"]
    at = _when(issued["at"], zone)
    if not issued["operator"]:
        return at
    return _("%(at)s by %(operator)s") % {"at": at, "operator": issued["operator"]}


def _bins(document: Document, zone: ZoneInfo) -> list[list[Any]]:
    names = {line["id"]: line["name"] for line in document["lines"]}
    start = document["period"]["start"]
    rows = []
    for part in document["bins"]:
        if start is None:
            begins = length(part["start_s"])
        else:
            unix = datetime.fromisoformat(start).timestamp() + part["start_s"]
            begins = date_format(datetime.fromtimestamp(unix, zone), "H:i:s")
        line = names.get(part["line"], part["line"])
        direction = direction_word(part["direction"])
        rows.append([begins, line, direction, part["automatic"], part["manual"]])
    return rows
