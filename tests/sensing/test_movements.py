from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from sensing.domain.statistics.packing import HEAT_COLUMNS, HEAT_ROWS, pack_heat
from sensing.models import Camera, QuarterHeat, QuarterMovement
from sensing.selectors.heat import heat_cells
from sensing.selectors.movements import movement_counts
from tests.sensing.rows import make_camera

pytestmark = pytest.mark.django_db

DAY = datetime(2026, 1, 1, tzinfo=UTC)
QUARTER = int(DAY.timestamp() // 900)


def went(camera: Camera, quarter: int, way: str, count: int, object_class: str = "car") -> None:
    """``way``: "north>south" for forward over both."""
    origin, destination = way.split(">")
    QuarterMovement.objects.create(
        camera=camera,
        quarter=QUARTER + quarter,
        origin_line=origin,
        origin_direction="forward",
        destination_line=destination,
        destination_direction="forward",
        object_class=object_class,
        count=count,
    )


def counted(*args: object, **more: object) -> list[tuple[str, str, str, int, float]]:
    return [
        (r["from_line"], r["to_line"], r["object_class"], r["count"], r["share_percent"])
        for r in movement_counts(*args, **more)  # type: ignore[arg-type]
    ]


def test_movements_are_summed_over_whole_quarters_with_their_share() -> None:
    camera, other = make_camera(), make_camera()
    went(camera, -1, "north>south", 100)
    went(camera, 0, "north>south", 6)
    went(camera, 3, "north>south", 2)
    went(camera, 3, "north>east", 3)
    went(camera, 3, "north>east", 1, "truck")
    went(camera, 4, "north>east", 50)
    went(other, 1, "north>south", 7)
    hour = (DAY, DAY + timedelta(minutes=46))  # the fourth quarter is a whole one
    assert counted([camera.pk], *hour) == [
        ("north", "east", "car", 3, 25.0),
        ("north", "east", "truck", 1, 8.333),
        ("north", "south", "car", 8, 66.667),
    ]
    assert counted([camera.pk, other.pk], *hour)[-1] == ("north", "south", "car", 7, 100.0)
    assert counted([camera.pk], *hour, ["truck"]) == [("north", "east", "truck", 1, 100.0)]


def heat(camera: Camera, quarter: int, kind: str, **cells: float) -> None:
    grid = np.zeros((HEAT_ROWS, HEAT_COLUMNS))
    for name, seconds in cells.items():
        row, column = (int(part) for part in name.removeprefix("c").split("_"))
        grid[row, column] = seconds
    QuarterHeat.objects.create(
        camera=camera, quarter=QUARTER + quarter, kind=kind, cells=pack_heat(grid)
    )


def test_heat_is_the_sum_of_its_quarters_by_kind() -> None:
    camera = make_camera()
    heat(camera, 0, "vehicle", c2_3=10.5, c26_47=4)
    heat(camera, 1, "vehicle", c2_3=1.5)
    heat(camera, 1, "person", c2_3=99)
    heat(camera, 2, "vehicle", c2_3=1000)
    heat(camera, 0, "person")
    found = heat_cells(camera.pk, "vehicle", DAY, DAY + timedelta(minutes=30))
    assert found.shape == (HEAT_ROWS, HEAT_COLUMNS)
    assert (found[2, 3], found[26, 47], found.sum()) == (12.0, 4.0, 16.0)
    with pytest.raises(ValueError, match="expected one of"):
        heat_cells(camera.pk, "dog", DAY, DAY + timedelta(days=1))


def test_a_year_reads_no_single_facts() -> None:
    camera = make_camera()
    with CaptureQueriesContext(connection) as asked:
        list(movement_counts([camera.pk], DAY, DAY + timedelta(days=365)))
        heat_cells(camera.pk, "person", DAY, DAY + timedelta(days=365))
    sql = " ".join(query["sql"] for query in asked.captured_queries)
    assert len(asked) == 5  # how many cameras there are, and twice which days are summed
    assert '"sensing_quartermovement"' in sql
    for row in ("crossing", "visit", "countinterval", "observedminute", "zoneminute"):
        assert f'"sensing_{row}"' not in sql
