"""Why a version was taken out of service, in the reader's language."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

CAUSES = {
    "crashed": gettext_lazy("It crashed."),
    "hung": gettext_lazy("It stopped answering."),
    "run_failed": gettext_lazy("It failed on the camera's frames."),
    "too_slow": gettext_lazy("It was slower than the camera's frames come."),
    "blind": gettext_lazy("It found nothing where the version before found objects."),
    "model_unusable": gettext_lazy("It could not be loaded."),
    "replaced": gettext_lazy("Another shadow took its place."),
    "promoted": gettext_lazy("It was promoted."),
    "deployed": gettext_lazy("It was deployed there."),
}


def deployment_cause(cause: str) -> str:
    """What happened; '' when nothing did: a person decided."""
    if not cause:
        return ""
    return str(CAUSES.get(cause) or _("It could not be run (%(cause)s).") % {"cause": cause})
