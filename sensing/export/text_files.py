"""CSV (RFC 4180), JSON and JSON lines, in UTF-8."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from sensing.export.table import Sheet, Table, plain, safe_cell

ROWS_PER_CHUNK = 1000
# Without it a spreadsheet reads the bytes of 小型 in the machine's own code page.
BYTE_ORDER_MARK = "\ufeff"


def csv_chunks(table: Table) -> Iterator[bytes]:
    zone = table.zone
    rows = ([_cell(plain(value, zone)) for value in row] for row in table.rows)
    return _csv([table.header], rows)


def csv_sheets(sheets: Iterable[Sheet]) -> Iterator[bytes]:
    """Sheets one below the other, with an empty line between them."""

    def rows() -> Iterator[list[Any]]:
        for number, sheet in enumerate(sheets):
            if number:
                yield []
            for _kind, cells in sheet.rows:
                yield [_cell(value) for value in cells]

    return _csv([], rows())


def json_chunks(table: Table) -> Iterator[bytes]:
    """One array of objects."""
    separator = "[\n"
    for chunk in _objects(table):
        yield (separator + ",\n".join(chunk)).encode()
        separator = ",\n"
    yield b"[]\n" if separator == "[\n" else b"\n]\n"


def json_line_chunks(table: Table) -> Iterator[bytes]:
    """One object a line."""
    for chunk in _objects(table):
        yield ("\n".join(chunk) + "\n").encode()


def _objects(table: Table) -> Iterator[list[str]]:
    header, zone, waiting = table.header, table.zone, iter(table.rows)
    while portion := list(islice(waiting, ROWS_PER_CHUNK)):
        yield [
            json.dumps(
                dict(zip(header, (plain(value, zone) for value in row), strict=True)),
                ensure_ascii=False,
            )
            for row in portion
        ]


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return safe_cell(value)


def _csv(head: list[list[str]], rows: Iterable[Sequence[Any]]) -> Iterator[bytes]:
    buffer = io.StringIO()
    buffer.write(BYTE_ORDER_MARK)
    writer = csv.writer(buffer)
    writer.writerows(head)
    for number, row in enumerate(rows, 1):
        writer.writerow(row)
        if number % ROWS_PER_CHUNK == 0:
            yield buffer.getvalue().encode()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue().encode()
