"""What all endpoints share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser, JSONParser
from rest_framework.request import Request
from rest_framework.views import APIView

S = TypeVar("S", bound=serializers.BaseSerializer[Any])


class BoundedJsonParser(JSONParser):
    """Refuses nesting so deep that it cannot be parsed; the stock parser would answer 500."""

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        try:
            return super().parse(stream, media_type, parser_context)
        except RecursionError as error:
            raise ParseError(_("JSON is nested too deeply.")) from error


class BytesParser(BaseParser):
    """The body as it comes, up to ``most_bytes``, under the name ``content``."""

    most_bytes = 8 * 1024 * 1024

    def parse(
        self, stream: Any, media_type: Any = None, parser_context: Any = None
    ) -> dict[str, bytes]:
        content: bytes = stream.read(self.most_bytes + 1)
        if len(content) > self.most_bytes:
            raise ParseError(_("Expected at most %(most)d bytes.") % {"most": self.most_bytes})
        return {"content": content}


def body_of(request: Request) -> bytes:
    """What ``BytesParser`` read; b'' for an empty body."""
    content = request.data.get("content") if isinstance(request.data, Mapping) else None
    return content if isinstance(content, bytes) else b""


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
