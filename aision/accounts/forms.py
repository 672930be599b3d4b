"""Making an API token."""

from __future__ import annotations

from datetime import datetime, timedelta

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from aision.accounts.models import TokenScope


class TokenForm(forms.Form):
    """A name, what the token may do, and how long."""

    name = forms.CharField(label=_("Name"), max_length=80)
    scope = forms.ChoiceField(label=_("May"), choices=TokenScope.choices, initial=TokenScope.READ)
    days = forms.TypedChoiceField(
        label=_("Expires"),
        coerce=int,
        initial=365,
        choices=[(30, _("in 30 days")), (365, _("in a year")), (0, _("never"))],
    )

    def expires_at(self) -> datetime | None:
        days: int = self.cleaned_data["days"]
        return timezone.now() + timedelta(days=days) if days else None
