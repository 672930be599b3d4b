"""Forms of the recount page."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from models_registry.errors import Refused
from sensing.models import Camera, Site


class StripPolicyForm(forms.Form):
    """Whether audit strips may be recorded at all, and for how long they are kept."""

    audit_strips = forms.BooleanField(label=_("Audit strips allowed"), required=False)
    keep_strips_days = forms.IntegerField(label=_("Keep strips"), min_value=1, max_value=90)

    def __init__(self, data: Any = None, *, site: Site) -> None:
        super().__init__(data, initial={name: getattr(site, name) for name in self.base_fields})


class RecountForm(forms.Form):
    """A new recount: of live minutes or of a clip."""

    kind = forms.ChoiceField(choices=[("live", _("Live minutes")), ("clip", _("Recorded clip"))])
    camera = forms.ModelChoiceField(
        queryset=Camera.objects.select_related("scene"), label=_("Camera")
    )
    minutes = forms.IntegerField(label=_("Minutes"), required=False)
    clip = forms.CharField(max_length=255, required=False, label=_("Clip"))
    upload = forms.FileField(required=False, label=_("Upload a clip"))
    starts_at = forms.DateTimeField(required=False, label=_("Clip began at"))
    request_key = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(
        self, data: Any = None, files: Any = None, *, cameras: list[Camera], **more: Any
    ) -> None:
        super().__init__(data, files, **more)
        self.cameras = cameras

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        if given.get("kind") == "live" and given.get("minutes") is None:
            self.add_error("minutes", _("Expected a whole number of minutes."))
        return given

    def stray_errors(self) -> list[str]:
        """Errors of no field that the page shows."""
        strays = ("__all__", "kind", "request_key")
        return [str(text) for name in strays for text in self.errors.get(name, [])]

    def line_ids(self) -> list[str]:
        """The lines that were ticked; checked against the scene by the service."""
        return self.data.getlist("lines") if isinstance(self.data, QueryDict) else []

    def add_refusal(self, refused: Refused) -> None:
        """Show a refusal beside the field that it is about."""
        known = refused.field if refused.field in self.fields else None
        self.add_error(known, refused.message)
