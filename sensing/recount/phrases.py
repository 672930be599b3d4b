"""Names, shares and lengths of time as a certificate spells them."""

from __future__ import annotations

from django.utils.translation import gettext as _

from sensing.class_words import CLASS_WORDS


def class_word(name: str) -> str:
    return str(CLASS_WORDS.get(name, name))


def direction_word(code: str) -> str:
    return _("Forward") if code == "forward" else _("Backward")


def percent(value: float | None, digits: int = 1) -> str:
    return "–" if value is None else f"{100.0 * value:.{digits}f} %"


def length(seconds: float) -> str:
    """A length of time: “9 min 30 s”."""
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole % 3600 // 60, whole % 60
    parts = [f"{hours} h"] if hours else []
    parts += [f"{minutes} min"] if minutes else []
    parts += [f"{rest} s"] if rest or not parts else []
    return " ".join(parts)
