"""What a person may say about a mark, checked at the door, and the truth that follows from it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from models_registry.errors import Refused
from sensing.domain.recounting import DIRECTIONS
from sensing.domain.scoring import ScoredEvent
from sensing.models import Recount

ADDED = re.compile(r"a[0-9a-f]{6,32}")
CLASS = re.compile(r"[a-z][a-z _-]{0,38}")
MOST_CHANGES, MOST_ADDED = 500, 5000
VERDICTS = ("right", "wrong")

Review = dict[str, dict[str, Any]]


def checked_changes(recount: Recount, changes: Any) -> dict[str, dict[str, Any] | None]:
    """The changes in the form in which they are stored. Raises ``Refused``."""
    if not isinstance(changes, Mapping) or len(changes) > MOST_CHANGES:
        raise Refused(
            "changes", _("Expected at most %(n)d changed marks.") % {"n": MOST_CHANGES}, "changes"
        )
    system = {mark["id"] for mark in recount.system_marks}
    checked: dict[str, dict[str, Any] | None] = {}
    for name, given in changes.items():
        if name not in system and not (isinstance(name, str) and ADDED.fullmatch(name)):
            raise _refused(name, _("there is no such mark"))
        if given is None:
            checked[name] = None
        elif not isinstance(given, Mapping):
            raise _refused(name, _("expected an object"))
        else:
            checked[name] = (
                _judgement(name, given) if name in system else _added(recount, name, given)
            )
    added = [name for name in {**recount.review, **checked} if ADDED.fullmatch(name)]
    if len(added) > MOST_ADDED:
        raise Refused("changes", _("Expected at most %(n)d added marks.") % {"n": MOST_ADDED})
    return checked


def merged(review: Review, changes: Mapping[str, dict[str, Any] | None]) -> Review:
    """The review with changes made; None takes a judgement back."""
    together = {**review, **changes}
    return {name: given for name, given in together.items() if given is not None}


def unchecked(recount: Recount) -> int:
    """Marks of the system that nobody has judged yet."""
    return sum(mark["id"] not in recount.review for mark in recount.system_marks)


def found_events(recount: Recount) -> list[ScoredEvent]:
    """What the system counted."""
    return [
        ScoredEvent(mark["line"], mark["direction"], float(mark["time_s"]), mark["class"])
        for mark in recount.system_marks
    ]


def true_events(recount: Recount) -> list[ScoredEvent]:
    """What the person counted: the marks that are not struck, and what was added."""
    kept = [
        ScoredEvent(
            mark["line"],
            mark["direction"],
            float(mark["time_s"]),
            judged.get("class") or mark["class"],
        )
        for mark in recount.system_marks
        if (judged := recount.review.get(mark["id"], {})).get("verdict") != "wrong"
    ]
    added = [
        ScoredEvent(given["line"], given["direction"], float(given["time_s"]), given["class"])
        for name, given in recount.review.items()
        if ADDED.fullmatch(name)
    ]
    return sorted([*kept, *added], key=lambda event: event.time_s)


def _judgement(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    if given.get("verdict") not in VERDICTS:
        raise _refused(name, _("expected a verdict of right or wrong"))
    judged: dict[str, Any] = {"verdict": given["verdict"]}
    if given.get("class"):
        judged["class"] = _class(name, given["class"])
    return judged


def _added(recount: Recount, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    if given.get("line") not in {line["id"] for line in recount.lines}:
        raise _refused(name, _("there is no such line"))
    if given.get("direction") not in DIRECTIONS:
        raise _refused(name, _("expected a direction of forward or backward"))
    time_s, along = _number(given.get("time_s")), _number(given.get("along"))
    if time_s is None or along is None or not 0.0 <= along <= 1.0:
        raise _refused(name, _("expected a time, and a place from 0 to 1 along the line"))
    # A tenth of a second of slack: a click on the first or last row is a click on the strip.
    if not any(start - 0.1 <= time_s <= end + 0.1 for start, end in recount.spans):
        raise _refused(name, _("there is no strip at that time: it is outside or in a gap"))
    inside = min(max(time_s, recount.spans[0][0]), recount.spans[-1][1])
    return {
        "line": given["line"],
        "direction": given["direction"],
        "class": _class(name, given.get("class")),
        "time_s": round(inside, 3),
        "along": round(along, 4),
    }


def _class(name: str, given: Any) -> str:
    if not isinstance(given, str) or not CLASS.fullmatch(given):
        raise _refused(name, _("expected the name of a class, such as car"))
    return given


def _number(given: Any) -> float | None:
    if isinstance(given, bool) or not isinstance(given, int | float) or not math.isfinite(given):
        return None
    return float(given)


def _refused(name: object, what: str) -> Refused:
    return Refused("mark", f"{str(name)[:40]}: {what}", "changes")
