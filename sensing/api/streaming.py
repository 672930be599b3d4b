"""Answers of any length without holding them in memory."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from django.http import StreamingHttpResponse
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from models_registry.api.views import ApiView
from sensing.export.table import safe_cell

ROWS_PER_CHUNK = 500


class CsvRenderer(BaseRenderer):
    """Makes ``?format=csv`` and ``Accept: text/csv`` known; the rows are streamed by the view."""

    media_type = "text/csv"
    format = "csv"

    def render(self, data: Any, media_type: Any = None, context: Any = None) -> bytes:
        raise TypeError("CSV is streamed")


class ResultsView(ApiView):
    """A view whose results come as JSON or CSV; its errors are JSON in both cases."""

    renderer_classes = [JSONRenderer, CsvRenderer]

    def wants_csv(self, request: Request) -> bool:
        return request.accepted_renderer.format == "csv"

    def handle_exception(self, exc: Exception) -> Response:
        response = super().handle_exception(exc)
        self.request.accepted_renderer = JSONRenderer()
        self.request.accepted_media_type = JSONRenderer.media_type
        return response


def csv_response(
    request: Request, name: str, header: Sequence[str], rows: Iterable[Sequence[Any]]
) -> StreamingHttpResponse:
    """A CSV file (RFC 4180, UTF-8) that is written while it is read."""

    def lines() -> Iterator[str]:
        buffer = io.StringIO()
        writer = csv.writer(buffer)
        writer.writerow(header)
        for number, row in enumerate(rows, 1):
            writer.writerow([safe_cell(value) for value in row])
            if number % ROWS_PER_CHUNK == 0:
                yield buffer.getvalue()
                buffer.seek(0)
                buffer.truncate()
        yield buffer.getvalue()

    response = StreamingHttpResponse(lines(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


def json_response(
    request: Request, head: Mapping[str, Any], rows: Iterable[Mapping[str, Any]]
) -> StreamingHttpResponse:
    """``head`` with a list ``results`` that is written while it is read."""

    def parts() -> Iterator[str]:
        yield json.dumps(head)[:-1] + (", " if head else "") + '"results": ['
        separator, waiting = "", iter(rows)
        while portion := list(islice(waiting, ROWS_PER_CHUNK)):
            yield separator + ",".join(json.dumps(row) for row in portion)
            separator = ","
        yield "]}"

    return StreamingHttpResponse(parts(), content_type="application/json")
