"""Scenes as JSON, and the modules of each camera."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from models_registry.admin.bases import ModelAdmin, ModelForm
from sensing.domain.scene import SceneInvalid
from sensing.models import Camera, Scene, SensingModule
from sensing.modules import MODULES
from sensing.services import checked_scene, scene_save, scene_touch


class SceneAdminForm(ModelForm[Scene]):
    """Lines and zones; the modules stay as they are and are checked with them."""

    based_on = forms.IntegerField(widget=forms.HiddenInput, required=False)

    class Meta:
        model = Scene
        fields = ("anchor", "lines", "zones")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["based_on"] = self.instance.revision

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.errors:
            try:
                checked_scene(self.document())
            except SceneInvalid as error:
                for where, what in error.problems:
                    field = where.partition("[")[0]
                    self.add_error(field if field in self.fields else None, f"{where}: {what}")
            if cleaned.get("based_on") != self._stored().revision:
                self.add_error(None, _("Someone else has changed this scene. Load it again."))
        return cleaned

    def document(self) -> dict[str, Any]:
        # An empty text in a JSON field is None: no lines, no zones.
        given = {name: self.cleaned_data[name] for name in ("anchor", "lines", "zones")}
        given = {name: [] if value is None else value for name, value in given.items()}
        return self._stored().document() | given

    def _stored(self) -> Scene:
        return Scene.objects.select_related("camera").get(pk=self.instance.pk)


@admin.register(Scene)
class SceneAdmin(ModelAdmin[Scene]):
    form = SceneAdminForm
    list_display = ("camera", "lines_count", "zones_count", "revision", "updated_at", "updated_by")
    list_select_related = ("camera", "updated_by")
    readonly_fields = ("camera", "revision", "updated_at", "updated_by")

    @admin.display(description=_("lines"))
    def lines_count(self, scene: Scene) -> int:
        return len(scene.lines)

    @admin.display(description=_("zones"))
    def zones_count(self, scene: Scene) -> int:
        return len(scene.zones)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # a scene comes and goes with its camera

    def has_delete_permission(self, request: HttpRequest, obj: Scene | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Scene, form: Any, change: bool) -> None:
        scene_save(camera=obj.camera, by=request.user, document=form.document())


class SensingModuleAdminForm(ModelForm[SensingModule]):
    """A module's parameters are checked against the scene of its camera."""

    kind = forms.ChoiceField(
        label=_("kind"), choices=[(module.kind, module.title) for module in MODULES]
    )

    class Meta:
        model = SensingModule
        fields = ("camera", "kind", "enabled", "parameters")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if self.errors:
            return cleaned
        if cleaned["parameters"] is None:
            cleaned["parameters"] = {}
        # Both are read-only in a stored module, so its form has no fields for them.
        camera: Camera = cleaned.get("camera") or self.instance.camera
        kind: str = cleaned.get("kind") or self.instance.kind
        document = camera.scene.document()
        others = [module for module in document["modules"] if module["kind"] != kind]
        mine = {"kind": kind, "parameters": cleaned["parameters"]}
        try:
            checked_scene(document | {"modules": [*others, mine]})
        except SceneInvalid as error:
            for _where, what in error.problems:
                self.add_error("parameters", what)
        return cleaned


@admin.register(SensingModule)
class SensingModuleAdmin(ModelAdmin[SensingModule]):
    form = SensingModuleAdminForm
    list_display = ("camera", "kind", "enabled", "parameters")
    list_display_links = ("kind",)
    list_filter = ("kind", "enabled", "camera")
    list_select_related = ("camera",)

    def get_readonly_fields(
        self, request: HttpRequest, obj: SensingModule | None = None
    ) -> tuple[str, ...]:
        return () if obj is None else ("camera", "kind")

    def save_model(self, request: HttpRequest, obj: SensingModule, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        scene_touch(camera=obj.camera, by=request.user)

    def delete_model(self, request: HttpRequest, obj: SensingModule) -> None:
        camera = obj.camera
        super().delete_model(request, obj)
        scene_touch(camera=camera, by=request.user)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[SensingModule]) -> None:
        for module in queryset.select_related("camera"):
            self.delete_model(request, module)
