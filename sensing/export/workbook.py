"""Excel workbooks. A workbook can only be read once it is whole, so it is written to a temporary
file row by row and then handed out."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from sensing.export.table import RowKind, Sheet, Table, time_text

MOST_ROWS = 1_048_576
ROWS_PER_STEP = 2000
CHUNK_BYTES = 256 * 1024
# Texts stay texts: neither formulas nor links.
OPTIONS = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
    "nan_inf_to_errors": True,
}
FORBIDDEN_IN_NAMES = str.maketrans(dict.fromkeys("[]:*?/\\'", " "))


def workbook_chunks(table: Table, most_rows: int = MOST_ROWS) -> Iterator[bytes]:
    """The table as sheets of at most ``most_rows``, each with the header. A column of times is
    followed by one that spreadsheets can reckon with: the same on the site's clock, as they know no
    offset. Empty parts while it is being written let a reader that has gone be noticed."""
    with tempfile.TemporaryDirectory(prefix="aision-export-") as folder:
        path = Path(folder, "file.xlsx")
        book = xlsxwriter.Workbook(str(path), {**OPTIONS, "tmpdir": folder})
        formats = _formats(book)
        sheet, line, names = None, most_rows, _Names()
        header = [name for c in table.columns for name in _headings(c.name, c.kind == "time")]
        for number, row in enumerate(table.rows):
            if line >= most_rows:
                sheet, line = _begin(book, names, table.name, header, formats), 1
            assert sheet is not None
            _write(sheet, line, list(_cells(row, table)), formats)
            line += 1
            if number % ROWS_PER_STEP == 0:
                yield b""
        if sheet is None:
            _begin(book, names, table.name, header, formats)
        book.close()
        yield from _read(path)


def workbook_sheets(sheets: Iterable[Sheet]) -> Iterator[bytes]:
    """One sheet after the other, each laid out as it says."""
    with tempfile.TemporaryDirectory(prefix="aision-export-") as folder:
        path = Path(folder, "file.xlsx")
        book = xlsxwriter.Workbook(str(path), {**OPTIONS, "tmpdir": folder})
        formats, names = _formats(book), _Names()
        for layout in sheets:
            sheet = book.add_worksheet(names.free(layout.name))
            sheet.set_column(0, 0, 22)
            for line, (kind, cells) in enumerate(layout.rows):
                _write(sheet, line, cells, formats, kind)
            yield b""
        if not book.worksheets():
            book.add_worksheet()
        book.close()
        yield from _read(path)


class _Names:
    """Names of sheets: at most 31 characters, each once, upper and lower case being the same."""

    def __init__(self) -> None:
        self.taken: set[str] = set()

    def free(self, wanted: str) -> str:
        base = wanted.translate(FORBIDDEN_IN_NAMES).strip() or "Sheet"
        name, number = base[:31], 1
        while name.casefold() in self.taken:
            number += 1
            name = f"{base[:26]} ({number})"
        self.taken.add(name.casefold())
        return name


def _formats(book: xlsxwriter.Workbook) -> dict[str, Format]:
    return {
        "time": book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}),
        "title": book.add_format({"bold": True, "font_size": 14}),
        "note": book.add_format({"font_color": "#555555"}),
        "head": book.add_format({"bold": True, "bottom": 1, "text_wrap": True}),
        "data": book.add_format(),
        "total": book.add_format({"bold": True, "top": 1}),
    }


def _begin(
    book: xlsxwriter.Workbook,
    names: _Names,
    name: str,
    header: Sequence[str],
    formats: dict[str, Format],
) -> Worksheet:
    sheet = book.add_worksheet(names.free(name))
    sheet.freeze_panes(1, 0)
    sheet.set_column(0, len(header) - 1, 14)
    _write(sheet, 0, header, formats, "head")
    return sheet


def _headings(name: str, is_time: bool) -> list[str]:
    return [name, f"{name}_local"] if is_time else [name]


def _cells(row: Sequence[Any], table: Table) -> Iterator[Any]:
    for value, column in zip(row, table.columns, strict=True):
        if column.kind != "time":
            yield value
        elif value is None:
            yield from (None, None)
        else:
            yield time_text(value, table.zone)
            yield value.astimezone(table.zone).replace(tzinfo=None)


def _write(
    sheet: Worksheet,
    line: int,
    cells: Sequence[Any],
    formats: dict[str, Format],
    kind: RowKind = "data",
) -> None:
    shown = formats[kind]
    for place, value in enumerate(cells):
        if value is None:
            continue
        if isinstance(value, str):
            sheet.write_string(line, place, value, shown)
        elif isinstance(value, bool):
            sheet.write_boolean(line, place, value, shown)
        elif isinstance(value, datetime):
            sheet.write_datetime(line, place, value, formats["time"])
        else:
            sheet.write_number(line, place, value, shown)


def _read(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk
