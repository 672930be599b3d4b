"""Orders as files: what is in them, what they are called, and their bytes, portion by portion."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import islice
from typing import Any

from sensing.export.names import file_name
from sensing.export.order import CONTENT_TYPES, Order
from sensing.export.parquet_file import parquet_chunks
from sensing.export.table import Table, plain
from sensing.export.text_files import csv_chunks, csv_sheets, json_chunks, json_line_chunks
from sensing.export.workbook import workbook_chunks, workbook_sheets
from sensing.models import Camera
from sensing.selectors import export_figures, export_tables
from sensing.selectors.export_layouts import classified, turning
from sensing.selectors.export_records import datex_data, datex_sites, tmg_archive
from sensing.selectors.export_tables import Asked
from sensing.selectors.site import current_site, site_time_zone

PREVIEW_ROWS = 5

TABLES: dict[str, Callable[[Asked], Table]] = {
    "crossings": export_tables.crossings,
    "visits": export_tables.visits,
    "zones": export_tables.zones,
    "footfall": export_tables.footfall,
    "counts": export_figures.counts,
    "speeds": export_figures.speeds,
    "movements": export_figures.movements,
}
LAYOUTS = {"classified": classified, "turning": turning}
RECORDS = {"tmg": tmg_archive, "datex": datex_data, "datex_sites": datex_sites}
TABLE_FILES: dict[str, Callable[[Table], Iterator[bytes]]] = {
    "csv": csv_chunks,
    "xlsx": workbook_chunks,
    "parquet": parquet_chunks,
    "json": json_chunks,
    "jsonl": json_line_chunks,
}


def export_chunks(order: Order, now: datetime) -> Iterator[bytes]:
    """The bytes of a checked order; empty portions come while there is nothing to hand out yet."""
    asked = asked_for(order, now)
    if order.what in TABLES:
        return TABLE_FILES[order.file_format](TABLES[order.what](asked))
    if order.what in LAYOUTS:
        sheets = LAYOUTS[order.what](asked)
        return workbook_sheets(sheets) if order.file_format == "xlsx" else csv_sheets(sheets)
    return RECORDS[order.what](asked)


def asked_for(order: Order, now: datetime) -> Asked:
    site = current_site()
    cameras = Camera.objects.select_related("scene")
    if order.camera_ids:
        cameras = cameras.filter(pk__in=order.camera_ids)
    return Asked(order, tuple(cameras), site, site_time_zone(site), now)


def export_name(order: Order) -> str:
    """What the file is called: what, which cameras, which period."""
    names = dict(Camera.objects.values_list("pk", "name"))
    chosen = [name for pk, name in names.items() if pk in order.camera_ids or not order.camera_ids]
    return file_name(
        what=order.what,
        bin_minutes=order.bin_minutes,
        cameras=chosen,
        total=len(names),
        period=(order.start, order.end),
        zone=site_time_zone(),
        extension=order.file_format,
    )


def content_type(order: Order) -> str:
    return CONTENT_TYPES[order.file_format]


def export_preview(order: Order, now: datetime) -> tuple[list[str], list[list[Any]]]:
    """The columns of a table and its first rows; nothing for what is no table."""
    if order.what not in TABLES:
        return [], []
    table = TABLES[order.what](asked_for(order, now))
    rows = islice(iter(table.rows), PREVIEW_ROWS)
    return table.header, [[plain(value, table.zone) for value in row] for row in rows]
