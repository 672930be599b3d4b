"""Forms of the pages. They read; services decide what is allowed and say why not."""

from __future__ import annotations

import zoneinfo
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from django import forms
from django.utils.translation import gettext_lazy as _

from models_registry.errors import Refused
from sensing.class_words import CLASS_WORDS
from sensing.detector_choices import ATTENTION_HELP, detector_choices
from sensing.domain.scene import SceneInvalid
from sensing.models import Camera, PicturePolicyChoice, Site, SourceKindChoice, SpeedUnitChoice
from sensing.module_fields import ModuleFields
from sensing.modules import MODULES
from sensing.services import allowed_files
from sensing.services.site import CAR_UNIT_CLASSES, MOST_CAR_UNITS

SOURCE = ("kind", "url", "username", "password", "loop")
CAR_UNITS = "car_units__"
OTHER = ("name", "analysed_fps", "pictures", "detector", "attention")


class RefusableForm(forms.Form):
    """A form that shows what a service refused at the field it is about."""

    def add_refusal(self, refused: Refused) -> None:
        field = refused.field if refused.field in self.fields else None
        self.add_error(field, refused.message)


class CameraForm(RefusableForm):
    """A camera's source and how it is sensed. Stored credentials never reach the page."""

    name = forms.CharField(label=_("Name"), max_length=80)
    kind = forms.ChoiceField(label=_("Kind"), choices=SourceKindChoice.choices)
    url = forms.CharField(label=_("Address"), max_length=1000)
    username = forms.CharField(label=_("User name"), max_length=200, required=False)
    password = forms.CharField(
        label=_("Password"),
        max_length=200,
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    clear_password = forms.BooleanField(
        label=_("Forget the stored user name and password"), required=False
    )
    loop = forms.BooleanField(label=_("Play the file again and again"), required=False)
    analysed_fps = forms.FloatField(
        label=_("Frames analysed per second"), min_value=1, max_value=30, initial=10
    )
    pictures = forms.ChoiceField(label=_("Pictures"), choices=PicturePolicyChoice.choices)
    detector = forms.ChoiceField(label=_("Detector"))
    attention = forms.BooleanField(
        label=_("Look only where something changes"), help_text=ATTENTION_HELP, required=False
    )

    def __init__(self, data: Any = None, *, camera: Camera | None = None) -> None:
        super().__init__(data, initial=_initial(camera))
        self.camera = camera
        self.fields["detector"] = forms.ChoiceField(
            label=_("Detector"), choices=detector_choices(), required=False
        )
        document = camera.scene.document() if camera is not None else None
        self.module_fields = [ModuleFields(module, document) for module in MODULES]
        for module in self.module_fields:
            self.fields |= module.fields
            self.initial.update(module.initial)

    def source(self) -> dict[str, Any]:
        """What to register or change; credentials that were not typed stay as they are."""
        source = {name: self.cleaned_data[name] for name in SOURCE}
        if self.camera is not None and not self.cleaned_data["clear_password"]:
            for secret in ("username", "password"):
                if not source[secret]:
                    del source[secret]
        return source

    def other(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in OTHER}

    def modules(self, stored: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The ``modules`` of a scene document as chosen; unshown parameters stay as stored."""
        before = {module["kind"]: module["parameters"] for module in stored}
        return [
            {"kind": module.kind, "parameters": module.read(self.cleaned_data, before)}
            for module in self.module_fields
            if self.cleaned_data[module.switch]
        ]

    def add_scene_problems(self, invalid: SceneInvalid) -> None:
        """Show what a module refused: “classes: expected at least one …” at the field it names."""
        for _where, what in invalid.problems:
            name, _colon, words = what.partition(": ")
            fields = [f"{module.switch}__{name}" for module in self.module_fields]
            field = next((field for field in fields if field in self.fields), None)
            self.add_error(field, words if field else what)

    def module_groups(self) -> list[tuple[ModuleFields, forms.BoundField, list[forms.BoundField]]]:
        """For the template: each module with its switch and its parameters."""
        return [
            (module, self[module.switch], [self[name] for name in module.parameters])
            for module in self.module_fields
        ]

    def file_choices(self) -> list[str]:
        return allowed_files()


class CameraDeleteForm(forms.Form):
    """``name`` asks for the camera's name, because the camera holds data; None asks nothing."""

    typed_name = forms.CharField(label=_("Name of the camera"), required=False)

    def __init__(self, data: Any = None, *, name: str | None) -> None:
        super().__init__(data)
        self.name = name

    def clean_typed_name(self) -> str:
        typed: str = self.cleaned_data["typed_name"]
        if self.name is not None and typed != self.name.strip():
            raise forms.ValidationError(_("That is not the camera's name. Nothing was deleted."))
        return typed


class SiteForm(RefusableForm):
    """Name, clock and retention of the site."""

    name = forms.CharField(label=_("Name of the site"), max_length=120)
    time_zone = forms.ChoiceField(
        label=_("Time zone"), help_text=_("Days and hours are counted on this clock.")
    )
    default_pictures = forms.ChoiceField(
        label=_("Pictures of new cameras"), choices=PicturePolicyChoice.choices
    )
    speed_unit = forms.ChoiceField(label=_("Speeds in"), choices=SpeedUnitChoice.choices)
    keep_crossings_days = forms.IntegerField(
        label=_("Keep single crossings and visits"), min_value=1, max_value=36500
    )
    keep_intervals_days = forms.IntegerField(
        label=_("Keep counts per minute"), min_value=1, max_value=36500
    )

    def __init__(self, data: Any = None, *, site: Site) -> None:
        super().__init__(data, initial={name: getattr(site, name) for name in self.base_fields})
        for name in CAR_UNIT_CLASSES:
            self.initial[f"{CAR_UNITS}{name}"] = site.car_units.get(name)
            self.fields[f"{CAR_UNITS}{name}"] = forms.FloatField(
                label=CLASS_WORDS[name], min_value=0, max_value=MOST_CAR_UNITS, required=False
            )
        zones = sorted({*zoneinfo.available_timezones(), site.time_zone} - {"localtime"})
        self.fields["time_zone"] = forms.ChoiceField(
            label=self.fields["time_zone"].label,
            help_text=self.fields["time_zone"].help_text,
            choices=[(zone, zone.replace("_", " ")) for zone in zones],
        )

    def changes(self) -> dict[str, Any]:
        """What ``site_change`` is to be called with; an empty factor leaves its class out."""
        given = {name: self.cleaned_data[name] for name in self.base_fields}
        units = {name: self.cleaned_data[f"{CAR_UNITS}{name}"] for name in CAR_UNIT_CLASSES}
        given["car_units"] = {name: value for name, value in units.items() if value is not None}
        return given

    def car_unit_fields(self) -> list[forms.BoundField]:
        return [self[f"{CAR_UNITS}{name}"] for name in CAR_UNIT_CLASSES]


@dataclass(frozen=True)
class SimulationFields:
    """What the pickers of a simulated camera show; other parameters of its URL stay as they are."""

    place: str = "road"
    weather: str = "clear"
    time: str = "day"
    seed: str = "1"
    stop_and_go: bool = False

    @classmethod
    def from_url(cls, url: str) -> SimulationFields:
        try:
            parts = urlsplit(url if url.startswith("sim://") else "sim://road")
        except ValueError:  # such as an opening bracket without its closing one
            return cls()
        given = dict(parse_qsl(parts.query))
        return cls(
            place=parts.netloc if parts.netloc in ("road", "plaza") else "road",
            weather=given.get("weather", "clear"),
            time=given.get("time", "day"),
            seed=given.get("seed", "1"),
            stop_and_go=given.get("stop_and_go") == "1",
        )


def _initial(camera: Camera | None) -> dict[str, Any]:
    if camera is None:
        return {"kind": "rtsp", "loop": True, "pictures": "clear", "detector": ""}
    return {name: getattr(camera, name) for name in ("kind", "url", "loop", *OTHER)}
