"""What all endpoints share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser
from rest_framework.views import APIView

S = TypeVar("S", bound=serializers.BaseSerializer[Any])


class BoundedJsonParser(JSONParser):
    """Refuses nesting so deep that it cannot be parsed; the stock parser would answer 500."""

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        try:
            return super().parse(stream, media_type, parser_context)
        except RecursionError as error:
            raise ParseError(_("JSON is nested too deeply.")) from error


class ApiView(APIView):
    """JSON in, JSON out. ``required_permissions`` maps a method to the permission it needs, where
    the model of the view's queryset does not say it."""

    parser_classes = [BoundedJsonParser]
    required_permissions: ClassVar[Mapping[str, str] | None] = None


def read(serializer_class: type[S], data: Any, *, partial: bool = False) -> dict[str, Any]:
    """The checked content of a request; raises DRF's ``ValidationError``."""
    serializer = serializer_class(data=data, partial=partial)
    serializer.is_valid(raise_exception=True)
    validated: dict[str, Any] = serializer.validated_data
    return validated
