"""What is wrong or doubtful about a calibration's marks, in words for the person who set them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from sensing.domain.calibration_checks import CalibrationInvalid, CalibrationWarning

_PROBLEMS: Mapping[str, Promise] = {
    "duplicated": _("Two marks lie on the same place. Move them apart, or delete one."),
    "collinear": _(
        "These marks lie on one line, which leaves the road free to tilt about it. "
        "Mark points on both sides of the lane."
    ),
    "degenerate": _("These marks do not determine one flat road. Spread them out."),
    "beyond_horizon": _(
        "This cannot lie on a flat road: a mark is beyond the horizon, or the marks are in a "
        "wrong order."
    ),
    "focal": _(
        "One known length is not enough for these two directions. Add a second known length that "
        "runs the other way."
    ),
}
_SAME_MEASURES = _("Two marks have the same measures. Enter where each one lies on the road.")
_WARNINGS: Mapping[str, Promise] = {
    "nearly_collinear": _("The marks lie almost on one line. Add some further to the side."),
    "too_close": _("The marks lie close together. Mark a longer stretch of the road."),
    "mirrored": _(
        "Left and right are swapped. Check the order of the marks and the signs of their "
        "distances to the side."
    ),
    "residual": _("The marks contradict each other: at least one place or one measure is wrong."),
    "stray_point": _("This mark lies far off the others. Check its place and its measures."),
    "unchecked": _(
        "Four points always fit exactly, so nothing shows a wrong one. Compare the drawn grid "
        "with the road."
    ),
    "uncertain": _("The marks say too little about speeds. Mark a longer stretch, or more marks."),
    "length_mismatch": _("The known lengths contradict each other. Measure them again."),
}
_METHODS: Mapping[str, Promise] = {
    "points": _("Known points"),
    "rectangle": _("Lane rectangle"),
    "grid": _("Drawn grid"),
    "marks": _("Dash marks"),
    "vanishing": _("Two directions"),
}


def method_word(method: Any) -> str:
    """What a way to mark is called on pages."""
    return str(_METHODS.get(method, method or ""))


def problem_documents(error: CalibrationInvalid, document: Any = None) -> list[dict[str, Any]]:
    """Each problem: ``code``, ``marks`` (indices), ``where`` in the document, ``what`` in words."""
    return [
        {
            "code": code,
            "marks": list(marks),
            "where": _where(message) or ", ".join(_place(k, document) for k in marks),
            "what": _words(code, message),
        }
        for code, marks, message in error.problems
    ]


def _words(code: str, message: str) -> str:
    if code == "duplicated" and message.endswith("road"):
        return str(_SAME_MEASURES)
    return str(_PROBLEMS.get(code, message))


def warning_document(warning: CalibrationWarning) -> dict[str, Any]:
    return {
        "code": warning.code,
        "marks": list(warning.marks),
        "what": str(_WARNINGS.get(warning.code, warning.message)),
    }


def _where(message: str) -> str:
    """The place that a message about the document's form begins with: “points[2].image: …”."""
    found = re.match(r"([a-z_]+(?:\[\d+\])?(?:\.[a-z_]+)?(?:\[\d\])?): ", message)
    return found[1] if found else ""


def _place(mark: int, document: Any) -> str:
    """Where the mark of an index stands in a document: marks are numbered through its lists."""
    if not isinstance(document, Mapping) or document.get("method") != "vanishing":
        return f"points[{mark}]"
    for name in ("along", "across", "lengths"):
        count = len(document.get(name) or [])
        if mark < count:
            return f"{name}[{mark}]"
        mark -= count
    return "lengths"
