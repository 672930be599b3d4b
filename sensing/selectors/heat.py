"""Where objects were: object-seconds per cell of a camera's picture. No picture is in it."""

from __future__ import annotations

from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from sensing.domain.statistics.packing import add_heat
from sensing.models import QuarterHeat
from sensing.selectors.quarters import quarters_of

HEAT_KINDS = ("vehicle", "person")


def heat_cells(camera: int, kind: str, start: datetime, end: datetime) -> NDArray[np.float64]:
    """(HEAT_ROWS, HEAT_COLUMNS) object-seconds in the whole quarters that cover [start, end), rows
    from top to bottom. Raises ``ValueError`` for a kind that does not exist."""
    if kind not in HEAT_KINDS:
        raise ValueError(f"expected one of {HEAT_KINDS}, got {kind!r}")
    first, after = quarters_of(start, end)
    rows = QuarterHeat.objects.filter(
        camera_id=camera, kind=kind, quarter__gte=first, quarter__lt=after
    ).exclude(cells=b"")
    packed = rows.values_list("cells", flat=True).iterator(chunk_size=500)
    return add_heat(bytes(cells) for cells in packed)
