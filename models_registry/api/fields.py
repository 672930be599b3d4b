"""Serializer fields and bases that refuse what the stock ones let pass."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

YEARS = range(2000, 2100)
MAX_ID = 2**63 - 1
_LOST_PLUS = re.compile(r"(T.*) (\d\d:?\d\d)$")


class FiniteFloatField(serializers.FloatField):
    """A number; the stock field takes “nan” and “inf”, which pass every limit."""

    default_error_messages = {"finite": _("Expected a finite number.")}

    def to_internal_value(self, data: Any) -> float:
        value = super().to_internal_value(data)
        if isinstance(data, bool) or not math.isfinite(value):
            self.fail("finite")
        return float(value)


class MomentField(serializers.DateTimeField):
    """An ISO 8601 time, in the site's time zone unless it has an offset; its plus may have become a
    blank in an address."""

    default_error_messages = {"years": _("Expected a time in the years 2000 to 2099.")}

    def to_internal_value(self, value: Any) -> datetime:
        text = _LOST_PLUS.sub(r"\1+\2", value) if isinstance(value, str) else value
        moment = super().to_internal_value(text)
        if moment.year not in YEARS:
            self.fail("years")
        return moment


class RenamingSerializer(serializers.Serializer[Any]):
    """Takes names that Python reserves: ``renamed`` maps an attribute to its name outside."""

    renamed: ClassVar[Mapping[str, str]] = {}

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        fields = super().get_fields()
        for name in self.renamed.keys() & fields.keys():
            fields[name].source = fields[name].source or name
        return {self.renamed.get(name, name): field for name, field in fields.items()}


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses names that it does not know, instead of ignoring a misspelt field in silence."""

    tolerated: ClassVar[frozenset[str]] = frozenset()

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            unknown = sorted(str(name) for name in data if name not in self.fields)
            if errors := {
                name: [_("There is no such field.")]
                for name in unknown
                if name not in self.tolerated
            }:
                raise serializers.ValidationError(errors)
        return super().to_internal_value(data)
