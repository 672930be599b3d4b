"""Forms of the Messages pages. Passwords and secrets go in and never come out."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _

from sensing.forms import RefusableForm
from sensing.models import IntervalChoice, MessageSettings, ProtocolChoice, Webhook
from sensing.services.messaging import MOST_CA_CHARACTERS, SETTINGS_FIELDS, WEBHOOK_FIELDS

SECRET = forms.PasswordInput(render_value=False, attrs={"autocomplete": "new-password"})
SHOWN = SETTINGS_FIELDS - {"password", "ca_certificates"}
HOOK_SHOWN = WEBHOOK_FIELDS - {"secret"}


class MessagesForm(RefusableForm):
    """The broker, and what all messages share."""

    enabled = forms.BooleanField(label=_("Send to an MQTT broker"), required=False)
    host = forms.CharField(
        label=_("Broker"), max_length=253, required=False, help_text=_("A name or an IP address.")
    )
    port = forms.IntegerField(
        label=_("Port"), min_value=1, max_value=65535, help_text=_("Usually 1883; 8883 with TLS.")
    )
    protocol = forms.ChoiceField(label=_("Protocol"), choices=ProtocolChoice.choices)
    username = forms.CharField(label=_("User name"), max_length=200, required=False)
    password = forms.CharField(
        label=_("Password"), max_length=200, required=False, strip=False, widget=SECRET
    )
    clear_password = forms.BooleanField(label=_("Forget the stored password"), required=False)
    tls = forms.BooleanField(label=_("Encrypt the connection (TLS)"), required=False)
    verify = forms.BooleanField(label=_("Check the broker's certificate"), required=False)
    authority = forms.FileField(
        label=_("Certificate of an authority of your own (PEM)"), required=False
    )
    clear_authority = forms.BooleanField(
        label=_("Forget it and trust this system's authorities"), required=False
    )
    base_topic = forms.CharField(label=_("Base topic"), max_length=120)
    gateway_name = forms.CharField(
        label=_("Name of this gateway"),
        max_length=40,
        help_text=_("In every message, and its client name at the broker."),
    )
    discovery = forms.BooleanField(label=_("Announce sensors to Home Assistant"), required=False)
    discovery_prefix = forms.CharField(label=_("Discovery prefix"), max_length=120)
    interval_minutes = forms.TypedChoiceField(
        label=_("Counts of every"), choices=IntervalChoice.choices, coerce=int
    )
    keep_days = forms.IntegerField(label=_("Keep unsent messages for"), min_value=1, max_value=60)
    keep_rows = forms.IntegerField(label=_("At most"), min_value=1000, max_value=1_000_000)

    def __init__(self, data: Any = None, files: Any = None, *, settings: MessageSettings) -> None:
        super().__init__(data, files, initial={name: getattr(settings, name) for name in SHOWN})

    def clean_authority(self) -> str:
        upload: UploadedFile[Any] | None = self.cleaned_data["authority"]
        if upload is None:
            return ""
        if upload.size is None or upload.size > MOST_CA_CHARACTERS:
            raise forms.ValidationError(_("Expected certificates of at most 64 KiB."))
        try:
            return str(upload.read(), "ascii")
        except UnicodeDecodeError as error:
            words = _("Expected one or more certificates in PEM form, got another kind of file.")
            raise forms.ValidationError(words) from error

    def changes(self) -> dict[str, Any]:
        """What ``message_settings_change`` is to be called with."""
        given = {name: self.cleaned_data[name] for name in SHOWN}
        given["password"] = self.cleaned_data["password"]
        given["clear_password"] = self.cleaned_data["clear_password"]
        if self.cleaned_data["authority"]:
            given["ca_certificates"] = self.cleaned_data["authority"]
        elif self.cleaned_data["clear_authority"]:
            given["ca_certificates"] = ""
        return given


class WebhookForm(RefusableForm):
    """One webhook."""

    name = forms.CharField(label=_("Name"), max_length=80)
    url = forms.CharField(
        label=_("Address"),
        max_length=1000,
        help_text=_("Begins with https:// or http://. Redirections are not followed."),
    )
    secret = forms.CharField(
        label=_("Secret"), max_length=200, required=False, strip=False, widget=SECRET
    )
    enabled = forms.BooleanField(label=_("Switched on"), required=False, initial=True)
    intervals = forms.BooleanField(label=_("Counts of each interval"), required=False, initial=True)
    states = forms.BooleanField(label=_("Changes of a camera's state"), required=False)
    wrong_way = forms.BooleanField(label=_("Vehicles going the wrong way"), required=False)
    give_up_days = forms.IntegerField(
        label=_("Try each message for"), min_value=1, max_value=30, initial=3
    )

    def __init__(self, data: Any = None, *, hook: Webhook | None = None) -> None:
        initial = {name: getattr(hook, name) for name in HOOK_SHOWN} if hook else {}
        super().__init__(data, initial=initial)

    def changes(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in WEBHOOK_FIELDS}
