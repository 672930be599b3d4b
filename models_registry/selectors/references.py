"""What a detector's name means: ``motion``, ``model@alias`` or ``model:number``."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from models_registry.errors import Refused
from models_registry.models import Alias, ModelVersion

MOTION = "motion"


@dataclass(frozen=True)
class Resolved:
    """A name and what it stands for now; both None for the motion detector."""

    reference: str
    version: ModelVersion | None = None
    alias: Alias | None = None

    @property
    def version_name(self) -> str:
        return self.version.reference if self.version else MOTION


def resolve(reference: str) -> Resolved:
    """Raises ``Refused`` for a name that nothing has."""
    if reference == MOTION:
        return Resolved(MOTION)
    model, at, alias_name = reference.partition("@")
    if at:
        alias = (
            Alias.objects.select_related("version__model", "model")
            .filter(model__name=model, name=alias_name)
            .first()
        )
        if alias is not None:
            return Resolved(reference, alias.version, alias)
        raise _unknown(reference)
    model, _colon, number = reference.partition(":")
    if number.isascii() and number.isdigit() and len(number) < 10:
        version = (
            ModelVersion.objects.select_related("model")
            .filter(model__name=model, number=int(number))
            .first()
        )
        if version is not None:
            return Resolved(reference, version)
    raise _unknown(reference)


def detector_references() -> list[str]:
    """All names that a target may use: motion, aliases, then versions with a contract."""
    aliases = [alias.reference for alias in Alias.objects.select_related("model")]
    versions = [
        version.reference
        for version in ModelVersion.objects.select_related("model").filter(contract__isnull=False)
    ]
    return [MOTION, *aliases, *versions]


def _unknown(reference: str) -> Refused:
    return Refused(
        "detector",
        _(
            "There is no detector “%(name)s”. Expected motion, model@alias or model:number of a"
            " model on the Models page."
        )
        % {"name": reference[:120]},
        "detector",
    )
