"""Paging that stays right while new results arrive at the front."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from django.utils.translation import gettext as _
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.views import APIView


class ResultsPagination(CursorPagination):
    """Newest first; follow ``next`` until it is null."""

    page_size = 100
    page_size_query_param = "page_size"
    max_page_size = 1000

    def paginate_queryset(
        self, queryset: Any, request: Request, view: APIView | None = None
    ) -> list[Any] | None:
        self.ordering = view.ordering  # type: ignore[union-attr]  # only our list views page
        try:
            return super().paginate_queryset(queryset, request, view)
        except (NotFound, DjangoValidationError, ValueError) as error:
            # A cursor that was tampered with may hold anything in the place of a time.
            message = _("The cursor is not one that this list gave out.")
            raise ValidationError({"cursor": [message]}) from error

    def get_page_size(self, request: Request) -> int:
        given = request.query_params.get("page_size")
        if given is None:
            return self.page_size
        if not given.isascii() or not given.isdigit() or not 1 <= int(given[:9]) <= 1000:
            raise ValidationError({"page_size": [_("Expected a whole number from 1 to 1000.")]})
        return int(given)
