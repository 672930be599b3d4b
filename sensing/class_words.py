"""Object classes as pages call them."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

CLASS_WORDS = {
    "car": _("car"),
    "truck": _("truck"),
    "bus": _("bus"),
    "motorcycle": _("motorcycle"),
    "bicycle": _("bicycle"),
    "person": _("person"),
}
