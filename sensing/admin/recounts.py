"""Recounts and certificates: looked at here, worked on at their own pages."""

from __future__ import annotations

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from sensing.admin.results import ResultsAdmin
from sensing.models import AccuracyCertificate, Recount


@admin.register(Recount)
class RecountAdmin(ResultsAdmin):
    list_display = ("created_at", "camera", "kind", "state", "revision", "created_by", "page")
    list_filter = ("camera", "kind", "state", "created_at")
    list_select_related = ("camera", "created_by")
    ordering = ("-pk",)
    exclude = ("tiles", "system_marks", "review", "request_key", "lease_until", "attempts")

    @admin.display(description=_("page"))
    def page(self, recount: Recount) -> str:
        address = reverse("recount", args=[recount.pk])
        return format_html('<a href="{}">{}</a>', address, _("Open"))


@admin.register(AccuracyCertificate)
class AccuracyCertificateAdmin(ResultsAdmin):
    list_display = ("issued_at", "camera_name", "crossings", "f1", "issued_by", "page")
    list_filter = ("camera", "issued_at")
    list_select_related = ("issued_by",)
    ordering = ("-pk",)
    exclude = ("thumbnail",)

    @admin.display(description=_("page"))
    def page(self, certificate: AccuracyCertificate) -> str:
        address = reverse("certificate", args=[certificate.pk])
        return format_html('<a href="{}">{}</a>', address, _("Open"))
