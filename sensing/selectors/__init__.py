"""Everything that is read from the rows."""

from __future__ import annotations

from sensing.selectors.bins import BIN_MINUTES, CountBin, count_bins
from sensing.selectors.cameras import (
    camera_list,
    camera_state_document,
    live_snapshot,
    state_document,
)
from sensing.selectors.counts import CountsSnapshot, camera_counts, counts_of
from sensing.selectors.site import (
    current_site,
    epoch_minute,
    local_midnight,
    site_time_zone,
)

__all__ = [
    "BIN_MINUTES",
    "CountBin",
    "CountsSnapshot",
    "camera_counts",
    "camera_list",
    "camera_state_document",
    "count_bins",
    "counts_of",
    "current_site",
    "epoch_minute",
    "live_snapshot",
    "local_midnight",
    "site_time_zone",
    "state_document",
]
