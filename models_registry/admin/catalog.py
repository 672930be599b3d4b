"""Lineages, versions and uploads."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.files.uploadedfile import UploadedFile
from django.db import DEFAULT_DB_ALIAS
from django.db.models import ProtectedError, QuerySet
from django.db.models.deletion import Collector
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from models_registry.admin.bases import ModelAdmin, ModelForm
from models_registry.errors import Refused
from models_registry.models import Alias, DetectionModel, ModelVersion, Upload
from models_registry.services.catalog import model_change, model_delete, version_delete
from models_registry.services.uploads import (
    upload_append,
    upload_begin,
    upload_discard,
    upload_finish,
)
from models_registry.storage import CHUNK_BYTES
from models_registry.tasks import announce


@admin.register(DetectionModel)
class DetectionModelAdmin(ModelAdmin[DetectionModel]):
    list_display = ("name", "task", "licence", "source", "created_at")
    search_fields = ("name",)
    fields = ("name", "task", "notes", "licence", "source", "created_at", "created_by")
    readonly_fields = ("name", "task", "created_at", "created_by")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # a lineage begins with an upload

    def save_model(
        self, request: HttpRequest, obj: DetectionModel, form: Any, change: bool
    ) -> None:
        changed = {name: form.cleaned_data[name] for name in form.changed_data}
        if changed:
            model_change(model=obj, by=request.user, **changed)

    def delete_model(self, request: HttpRequest, obj: DetectionModel) -> None:
        refusable(self, request, lambda: model_delete(model=obj, by=request.user))

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        versions = ModelVersion.objects.filter(model__in=list(objs))
        return deleted_or_protected(objs, versions, _("detection models"))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[DetectionModel]) -> None:
        for model in queryset:
            self.delete_model(request, model)


@admin.register(ModelVersion)
class ModelVersionAdmin(ModelAdmin[ModelVersion]):
    list_display = ("reference", "origin", "size_bytes", "file_name", "created_at")
    list_filter = ("origin", "model")
    list_select_related = ("model",)
    search_fields = ("model__name", "sha256", "file_name")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: ModelVersion | None = None) -> bool:
        return False  # versions never change

    def delete_model(self, request: HttpRequest, obj: ModelVersion) -> None:
        refusable(self, request, lambda: version_delete(version=obj, by=request.user))

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        return deleted_or_protected(objs, objs, _("model versions"))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[ModelVersion]) -> None:
        for version in queryset:
            self.delete_model(request, version)


class UploadForm(ModelForm[Upload]):
    """A file and what it is called; the rest is found by inspection."""

    file = forms.FileField(label=_("model file (.onnx) or package (.zip)"))
    model_name = forms.SlugField(label=_("lineage"), required=False, max_length=60)

    class Meta:
        model = Upload
        fields = ("model_name", "notes", "licence", "source")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        file = cleaned.get("file")
        if isinstance(file, UploadedFile):
            try:
                self.upload = upload_begin(
                    by=None,
                    file_name=file.name or "",
                    size_bytes=file.size or 0,
                    model_name=cleaned.get("model_name") or "",
                    notes=cleaned.get("notes", ""),
                    licence=cleaned.get("licence", ""),
                    source=cleaned.get("source", ""),
                )
            except Refused as refused:
                field = {"file_name": "file", "size_bytes": "file", "model": "model_name"}.get(
                    refused.field or ""
                )
                self.add_error(field, refused.message)
        return cleaned


@admin.register(Upload)
class UploadAdmin(ModelAdmin[Upload]):
    list_display = ("file_name", "model_name", "state", "code", "version", "created_at")
    list_filter = ("state",)

    def get_form(
        self, request: HttpRequest, obj: Upload | None = None, change: bool = False, **kwargs: Any
    ) -> type[ModelForm[Upload]]:
        return super().get_form(request, obj, change, **kwargs) if obj else UploadForm

    def has_change_permission(self, request: HttpRequest, obj: Upload | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Upload, form: Any, change: bool) -> None:
        upload: Upload = form.upload
        Upload.objects.filter(pk=upload.pk).update(created_by=request.user.pk)
        offset = 0
        for part in form.cleaned_data["file"].chunks(CHUNK_BYTES):
            upload_append(upload=upload, offset=offset, content=part)
            offset += len(part)
        upload_finish(upload=upload, by=request.user)
        announce()
        obj.pk = upload.pk
        obj.refresh_from_db()

    def delete_model(self, request: HttpRequest, obj: Upload) -> None:
        refusable(self, request, lambda: upload_discard(upload=obj, by=request.user))


def deleted_or_protected(
    objs: Any, versions: Iterable[ModelVersion], words: Any
) -> tuple[list[str], dict[str, int], set[str], list[str]]:
    """What the page on deleting shows; the stock one asks for permissions on what goes along."""
    protected: set[str] = set()
    own = {model.pk for model in objs if isinstance(model, DetectionModel)}
    for version in versions:
        try:
            Collector(using=DEFAULT_DB_ALIAS).collect([version])
        except ProtectedError as error:
            protected |= {
                str(row)
                for row in error.protected_objects
                if not (isinstance(row, Alias) and row.model_id in own)  # goes with its lineage
            }
    lines = [str(obj) for obj in objs]
    return lines, {str(words): len(lines)}, set(), sorted(protected)


def refusable(page: ModelAdmin[Any], request: HttpRequest, act: Any) -> None:
    """Do it, or say why not, instead of answering 500."""
    try:
        act()
    except Refused as refused:
        page.message_user(request, refused.message, messages.ERROR)
