"""The detectors that a form offers, in words."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from models_registry.selectors.references import MOTION, detector_references
from sensing.models import DeploymentTarget
from sensing.selectors.detectors import DetectorChoices

Choices = list[tuple[str, str]]

ATTENTION_HELP = gettext_lazy(
    "On a quiet camera the model then takes five to nine times less time: it does not look where"
    " nothing has changed, and at everything anew every 5 seconds. A person whom it sees poorly may"
    " be lost. Of no use on crowded roads, nor for motion, which sees every frame."
)


def detector_choices() -> Choices:
    """(name, words), '' first: what the gateway or a sensing module decides."""
    choices = DetectorChoices()
    default = choices.of_row(choices.site, DeploymentTarget.GATEWAY).reference
    inherited = _("Gateway default (%(detector)s)") % {"detector": detector_words(default)}
    return [("", inherited), *((name, detector_words(name)) for name in detector_references())]


def detector_words(reference: str) -> str:
    """A name as an operator reads it."""
    return _("Motion (built in, needs no model)") if reference == MOTION else reference
