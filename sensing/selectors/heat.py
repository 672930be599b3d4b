"""Where objects were: object-seconds per cell of a camera's picture. No picture is in it."""

from __future__ import annotations

from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from sensing.domain.statistics.packing import add_heat
from sensing.models import QuarterHeat
from sensing.selectors.quarters import quarters_of
from sensing.selectors.rollups import rows_over

HEAT_KINDS = ("vehicle", "person")


def heat_cells(camera: int, kind: str, start: datetime, end: datetime) -> NDArray[np.float64]:
    """(HEAT_ROWS, HEAT_COLUMNS) object-seconds in the whole quarters that cover [start, end), rows
    from top to bottom. Raises ``ValueError`` for a kind that does not exist."""
    if kind not in HEAT_KINDS:
        raise ValueError(f"expected one of {HEAT_KINDS}, got {kind!r}")
    own = {"camera_id": camera, "kind": kind}
    return add_heat(
        bytes(cells)
        for rows in rows_over(QuarterHeat, own, *quarters_of(start, end))
        for cells in rows.values_list("cells", flat=True).iterator(chunk_size=500)
    )
