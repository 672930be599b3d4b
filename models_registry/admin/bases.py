"""Django's classes as they are typed: generic, which they are not at run time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core import paginator
from django.forms import models

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin
    ModelForm = models.ModelForm
    Paginator = paginator.Paginator
else:

    class Generic:
        def __class_getitem__(cls, _parameter: Any) -> type:
            return cls

    class ModelAdmin(Generic, admin.ModelAdmin):
        pass

    class ModelForm(Generic, models.ModelForm):
        pass

    class Paginator(Generic, paginator.Paginator):
        pass
