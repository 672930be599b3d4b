"""Calibrations: looked at here, made on the page where the marks are set."""

from __future__ import annotations

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from sensing.admin.results import ResultsAdmin
from sensing.models import Calibration


@admin.register(Calibration)
class CalibrationAdmin(ResultsAdmin):
    list_display = ("created_at", "camera", "method", "drift", "retired_at", "created_by", "page")
    list_filter = ("drift", "camera", "created_at")
    list_select_related = ("camera", "created_by")
    ordering = ("-pk",)
    # The still is bytes, which an admin page cannot show.
    exclude = ("reference",)

    @admin.display(description=_("method"))
    def method(self, calibration: Calibration) -> str:
        return str(calibration.document.get("method", ""))

    @admin.display(description=_("page"))
    def page(self, calibration: Calibration) -> str:
        address = reverse("calibration", args=[calibration.camera_id])
        return format_html('<a href="{}">{}</a>', address, _("Open"))
