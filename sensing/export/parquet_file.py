"""Parquet, written group by group while it is read."""

from __future__ import annotations

import io
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sensing.export.table import Column, Table

ROWS_PER_GROUP = 50_000
TYPES = {
    "text": pa.string(),
    "int": pa.int64(),
    "float": pa.float64(),
    "bool": pa.bool_(),
}


class _Pipe(io.RawIOBase):
    """Takes what a writer writes until someone collects it."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        part = bytes(data)
        self.parts.append(part)
        return len(part)

    def collect(self) -> bytes:
        parts, self.parts = self.parts, []
        return b"".join(parts)


def parquet_chunks(table: Table) -> Iterator[bytes]:
    schema = pa.schema([(column.name, _type(column, table)) for column in table.columns])
    pipe = _Pipe()
    waiting = iter(table.rows)
    with pq.ParquetWriter(pa.PythonFile(pipe, mode="w"), schema, compression="zstd") as writer:
        while portion := list(islice(waiting, ROWS_PER_GROUP)):
            by_column: list[tuple[Any, ...]] = list(zip(*portion, strict=True))
            arrays = [
                pa.array(values, type=field.type)
                for values, field in zip(by_column, schema, strict=True)
            ]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
            yield pipe.collect()
    yield pipe.collect()


def _type(column: Column, table: Table) -> pa.DataType:
    if column.kind == "time":
        return pa.timestamp("ms", tz=str(table.zone))
    return TYPES[column.kind]
