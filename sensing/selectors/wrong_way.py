"""Wrong-way crossings in bins that no quarter of an hour tells: from single crossings, for a day at
most."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter

from sensing.models import Crossing
from sensing.selectors.quarters import Selection, at_minute


def wrong_way_by_bin(chosen: Selection, edges: list[int]) -> Counter[int]:
    """Index of the bin → crossings against the one-way direction; ``edges`` are Unix minutes.
    Raises ``ValueError`` for more than a day."""
    if not chosen.is_short:
        raise ValueError("expected a period of a day at most for wrong-way crossings")
    rows = Crossing.objects.filter(
        **chosen.counted, wrong_way=True, at__gte=at_minute(edges[0]), at__lt=at_minute(edges[-1])
    ).order_by()
    times = rows.values_list("at", flat=True)
    return Counter(bisect_right(edges, at.timestamp() / 60.0) - 1 for at in times)
