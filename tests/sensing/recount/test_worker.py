"""A camera's loop that is told in mid-run to record a strip."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from sensing.worker.messages import Overlay, Status, StripBlock
from sensing.worker.plan import CameraPlan, SourceSpec, StripOrder
from sensing.worker.strip import LATE_S
from tests.cameras import write_clip
from tests.sensing.worker.running_loop import running

SCENE = {
    "lines": [{"id": "road", "name": "Road", "points": [[0.5, 0.3], [0.5, 0.95]]}],
    "modules": [{"kind": "vehicle_traffic"}],
}


def test_a_running_worker_records_a_strip_and_hands_over_what_it_has_at_its_end(
    tmp_path: Path,
) -> None:
    clip = write_clip(tmp_path / "street.mp4")
    plan = CameraPlan(5, "Street", SourceSpec("file", str(clip), loop=True), SCENE)
    with running(plan, tmp_path) as loop:
        run = loop.until(Status, lambda s: s.state == "live").run_id
        now = time.time()
        order = StripOrder(3, (("road", (0.5, 0.3), (0.5, 0.95)),), now, now + 60.0)
        told = replace(plan, strip=order)
        assert plan.only_detectors_differ(told)
        loop.plans.put(told)
        loop.until(Overlay, lambda o: o.captured_at_s > now + 1.0)
        loop.stop()
    blocks = [said for said in loop.said if isinstance(said, StripBlock)]
    times = [t for block in blocks for t in block.times_s]
    assert len(times) >= 5
    assert times == sorted(times)
    assert now <= times[0] < now + 1.0
    assert {line for block in blocks for line, _ in block.strips} == {"road"}
    assert {block.recount_id for block in blocks} == {3}
    assert not any(block.last for block in blocks), "its period is not over"
    runs = {s.run_id for s in loop.said if isinstance(s, Status) and s.state == "live"}
    assert run in runs


def test_an_order_whose_time_is_over_is_ended_at_once(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "street.mp4", frames=15)
    past = time.time() - 60.0 - LATE_S
    order = StripOrder(3, (("road", (0.5, 0.3), (0.5, 0.95)),), past - 60.0, past)
    plan = CameraPlan(5, "Street", SourceSpec("file", str(clip)), SCENE, strip=order)
    with running(plan, tmp_path) as loop:
        block = loop.until(StripBlock)
        loop.stop()
    assert (block.last, block.times_s, block.strips) == (True, (), ())
