"""Cameras and the site; saved by the same services as everywhere else."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from models_registry.admin.bases import ModelAdmin, ModelForm
from models_registry.errors import Refused
from sensing.detector_choices import ATTENTION_HELP, detector_choices
from sensing.models import Camera, Site
from sensing.selectors import camera_state_document
from sensing.services import (
    camera_change,
    camera_delete,
    camera_register,
    changed_source,
    checked_source,
    site_change,
)
from sensing.services.site import checked_car_units

SECRET = forms.PasswordInput(render_value=False, attrs={"autocomplete": "new-password"})

CAMERA_FIELDS = (
    "name",
    "kind",
    "url",
    "loop",
    "paused",
    "analysed_fps",
    "pictures",
    "detector",
    "attention",
    "position",
)


class CameraAdminForm(ModelForm[Camera]):
    """User name and password go in and never come out: empty means that they stay as they are."""

    new_username = forms.CharField(label=_("user name"), required=False, max_length=200)
    new_password = forms.CharField(
        label=_("password"), required=False, max_length=200, widget=SECRET, strip=False
    )
    clear_credentials = forms.BooleanField(label=_("remove user name and password"), required=False)

    class Meta:
        model = Camera
        fields = CAMERA_FIELDS
        help_texts: ClassVar = {"attention": ATTENTION_HELP}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "detector" in self.fields:  # not for those who may only look
            self.fields["detector"] = forms.ChoiceField(
                label=_("detector"), choices=detector_choices(), required=False
            )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.errors:
            try:
                self._check_source(cleaned)
            except Refused as refusal:
                field = {"username": "new_username", "password": "new_password"}.get(
                    refusal.field or "", refusal.field
                )
                self.add_error(field if field in self.fields else None, refusal.message)
        return cleaned

    def changes(self) -> dict[str, Any]:
        """What ``camera_register`` and ``camera_change`` are to be called with."""
        given = {name: self.cleaned_data[name] for name in CAMERA_FIELDS}
        for name in ("username", "password"):
            if self.cleaned_data[f"new_{name}"]:
                given[name] = self.cleaned_data[f"new_{name}"]
            elif self.cleaned_data["clear_credentials"]:
                given[name] = ""
        return given

    def _check_source(self, cleaned: dict[str, Any]) -> None:
        source = {
            name: value
            for name, value in self.changes().items()
            if name in ("kind", "url", "loop", "username", "password")
        }
        if self.instance._state.adding:
            checked_source(**source)
            return
        stored = Camera.objects.get(pk=self.instance.pk)
        if cleaned["clear_credentials"]:
            stored.password = ""
        changed_source(stored, source)


@admin.register(Camera)
class CameraAdmin(ModelAdmin[Camera]):
    form = CameraAdminForm
    list_display = ("name", "kind", "url", "state", "detector", "analysed_fps", "paused")
    list_filter = ("kind", "paused")
    search_fields = ("name",)
    ordering = ("position", "name")
    list_select_related = ("state",)
    readonly_fields = ("created_at", "updated_at")

    @admin.display(description=_("state"))
    def state(self, camera: Camera) -> str:
        state = camera_state_document(camera)
        return f"{state['state']} {state['message']}".strip()

    def save_model(self, request: HttpRequest, obj: Camera, form: Any, change: bool) -> None:
        if change:
            clear = form.cleaned_data["clear_credentials"]
            camera_change(camera=obj, by=request.user, clear_password=clear, **form.changes())
        else:
            obj.pk = camera_register(by=request.user, **form.changes()).pk

    def delete_model(self, request: HttpRequest, obj: Camera) -> None:
        camera_delete(camera=obj, by=request.user)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Camera]) -> None:
        for camera in queryset:
            camera_delete(camera=camera, by=request.user)

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        # The stock page loads every row that would go: that may be millions of crossings.
        lines = [
            str(_("%(camera)s, with everything it counted") % {"camera": camera}) for camera in objs
        ]
        return lines, {str(_("cameras")): len(lines)}, set(), []


class SiteAdminForm(ModelForm[Site]):
    class Meta:
        model = Site
        exclude = ("detector",)

    def clean_car_units(self) -> dict[str, float]:
        try:
            return checked_car_units(self.cleaned_data["car_units"] or {})
        except Refused as refusal:
            raise forms.ValidationError(refusal.message) from refusal


@admin.register(Site)
class SiteAdmin(ModelAdmin[Site]):
    form = SiteAdminForm
    list_display = ("name", "time_zone", "keep_crossings_days", "keep_intervals_days")
    # A detector is deployed, so that it is tried first and can be taken back.
    readonly_fields = ("detector",)

    def save_model(self, request: HttpRequest, obj: Site, form: Any, change: bool) -> None:
        site_change(by=request.user, **form.cleaned_data)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Site | None = None) -> bool:
        return False
