"""Real workers in real processes, real cameras that die, hang and come back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sensing.worker.messages import (
    Facts,
    Message,
    Overlay,
    Picture,
    RolledBack,
    ShadowReport,
    Status,
)
from sensing.worker.plan import CameraPlan, SourceSpec, WorkerPlan
from sensing.worker.supervisor import Supervisor
from tests.cameras import RtspCamera, rtsp_camera, write_clip
from tests.sensing.worker.detector_clip import spec
from tests.shared_data import ROOT

SCENE = {"lines": [{"name": "Road", "points": [[0.5, 0.3], [0.5, 0.95]]}]}
TIMEOUT_S = 90.0


class Site:
    """Two RTSP cameras under one supervisor, and everything their workers said."""

    def __init__(self, first: RtspCamera, second: RtspCamera, folder: Path) -> None:
        self.first, self.second = first, second
        self.plan = WorkerPlan(
            (
                CameraPlan(1, "First", SourceSpec("rtsp", first.url), SCENE),
                CameraPlan(2, "Second", SourceSpec("rtsp", second.url), SCENE),
            ),
            str(folder),
        )
        self.supervisor = Supervisor()
        self.supervisor.apply(self.plan)
        self.statuses: dict[int, Status] = {}

    def until(self, wanted: Callable[[Message], bool]) -> Message:
        deadline_s = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline_s:
            found = None
            for message in self.supervisor.poll(0.1):
                if isinstance(message, Status):
                    self.statuses[message.camera_id] = message
                if found is None and wanted(message):
                    found = message
            if found is not None:
                return found
        raise AssertionError(f"waited in vain; last heard {self.statuses}")

    def status(self, camera_id: int, *states: str, since: str = "") -> Status:
        """The next status in one of the states, of another run than ``since``."""
        found = self.until(
            lambda m: (
                isinstance(m, Status)
                and m.camera_id == camera_id
                and m.state in states
                and (not since or m.run_id != since)
            )
        )
        assert isinstance(found, Status)
        return found

    def both_live(self) -> tuple[Status, Status]:
        return self.status(1, "live"), self.status(2, "live")

    def undisturbed(self, before: Status) -> bool:
        """Whether the second camera goes on in the same run, analysing."""
        after = self.status(2, "live", "stalled", "failed", "connecting")
        return (
            after.run_id == before.run_id
            and after.state == "live"
            and after.frames_analysed > before.frames_analysed
        )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    clip = write_clip(folder / "street.mp4")
    with rtsp_camera(clip) as first, rtsp_camera(clip) as second:
        site = Site(first, second, folder)
        try:
            yield site
        finally:
            site.supervisor.stop(4.0)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_killed_server_is_seen_and_its_return_too_while_the_other_camera_goes_on(
    site: Site,
) -> None:
    first, second = site.both_live()
    site.first.kill()
    lost = site.status(1, "stalled", "failed")
    assert lost.cause in ("disconnected", "no_frames", "unreachable")
    failed = site.status(1, "failed")
    assert (failed.cause, failed.retry_in_s is not None) == ("unreachable", True)
    site.first.start()
    again = site.status(1, "live", since=first.run_id)
    assert again.frames_read > first.frames_read
    assert site.undisturbed(second)


def test_a_silent_server_is_seen_and_its_return_too_while_the_other_camera_goes_on(
    site: Site,
) -> None:
    first, second = site.both_live()
    site.first.hang()
    stalled = site.status(1, "stalled", "failed")
    assert (stalled.state, stalled.cause) == ("stalled", "no_frames")
    site.first.resume()
    site.status(1, "live", since=first.run_id)
    assert site.undisturbed(second)


@pytest.mark.parametrize(("deed", "cause"), [(signal.SIGKILL, "crashed"), (signal.SIGSTOP, "hung")])
def test_a_worker_that_dies_or_hangs_is_replaced_and_no_other(
    deed: signal.Signals, cause: str, site: Site
) -> None:
    first, second = site.both_live()
    pids = site.supervisor.pids()
    os.kill(pids[1], deed)
    assert site.status(1, "failed").cause == cause
    site.status(1, "live", since=first.run_id)
    assert site.supervisor.pids()[1] != pids[1]
    assert site.supervisor.pids()[2] == pids[2]
    assert not alive(pids[1])
    assert site.undisturbed(second)


def test_sigterm_and_ctrl_c_leave_a_worker_counting_until_the_supervisor_stops_it(
    site: Site,
) -> None:
    first, _ = site.both_live()
    for number in (signal.SIGTERM, signal.SIGINT):
        os.kill(site.supervisor.pids()[1], number)
    later = site.status(1, "live", "failed")
    assert site.status(1, "live", "failed").frames_analysed > later.frames_analysed
    assert later.run_id == first.run_id


def test_only_a_watched_camera_sends_pictures(site: Site) -> None:
    site.both_live()
    site.supervisor.watch({1})
    site.until(lambda m: isinstance(m, Picture) and m.camera_id == 1)
    seen: list[int] = []

    def three_pictures(message: Message) -> bool:
        if isinstance(message, Picture):
            seen.append(message.camera_id)
        return len(seen) >= 3

    site.until(three_pictures)
    assert set(seen) == {1}
    site.supervisor.watch(())


def test_a_changed_camera_is_rebuilt_and_no_other(site: Site) -> None:
    first, second = site.both_live()
    pids = site.supervisor.pids()
    changed = replace(site.plan.cameras[0], analysed_fps=5.0)
    site.plan = replace(site.plan, cameras=(changed, site.plan.cameras[1]))
    site.supervisor.apply(site.plan)
    site.supervisor.apply(site.plan)
    site.status(1, "live", since=first.run_id)
    assert site.supervisor.pids()[1] != pids[1]
    assert site.supervisor.pids()[2] == pids[2]
    assert site.undisturbed(second)


def test_another_detector_is_taken_up_by_the_running_worker(site: Site, tmp_path: Path) -> None:
    first, _ = site.both_live()
    pids = site.supervisor.pids()
    before = site.plan
    fitter = replace(site.plan.cameras[0], detector=spec(tmp_path, version=7))
    site.plan = replace(before, cameras=(fitter, before.cameras[1]))
    site.supervisor.apply(site.plan)
    site.until(lambda m: isinstance(m, Status) and m.detector_version == 7)
    unfit = replace(fitter, detector=spec(tmp_path, "blind", version=8, trial_s=0.0))
    broken = replace(unfit.detector, model_path=str(tmp_path / "none.onnx"))
    site.supervisor.apply(
        replace(before, cameras=(replace(unfit, detector=broken), before.cameras[1]))
    )
    told = site.until(lambda m: isinstance(m, RolledBack))
    assert isinstance(told, RolledBack)
    assert (told.camera_id, told.version_from, told.version_to) == (1, 8, 7)
    assert told.cause == "model_unusable"
    shadowed = replace(before.cameras[0], shadow=spec(tmp_path, version=9))
    site.plan = replace(before, cameras=(shadowed, before.cameras[1]))
    site.supervisor.apply(site.plan)
    told = site.until(lambda m: isinstance(m, ShadowReport) and m.frames > 0)
    site.until(lambda m: isinstance(m, Status) and m.detector == "motion")
    assert site.supervisor.pids() == pids
    assert site.status(1, "live").run_id == first.run_id
    site.plan = before
    site.supervisor.apply(site.plan)


def test_a_removed_camera_ends_and_a_new_one_starts_beside_the_others(site: Site) -> None:
    _, second = site.both_live()
    gone = site.supervisor.pids()[1]
    new = replace(site.plan.cameras[0], camera_id=3)
    site.supervisor.apply(replace(site.plan, cameras=(site.plan.cameras[1], new)))
    site.status(3, "live")
    assert site.undisturbed(second)
    site.until(lambda _: not alive(gone))
    assert set(site.supervisor.pids()) == {2, 3}
    site.supervisor.apply(site.plan)
    site.status(1, "live")


def test_stopping_hands_over_every_fact_and_leaves_no_process(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "street.mp4")
    source = SourceSpec("file", str(clip), loop=True)
    supervisor = Supervisor()
    supervisor.apply(WorkerPlan((CameraPlan(1, "File", source, SCENE),), str(tmp_path)))
    heard: list[Message] = []
    deadline_s = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline_s:
        heard += supervisor.poll(0.1)
        if sum(isinstance(m, Overlay) for m in heard) > 40:
            break
    pids = supervisor.pids()
    heard += supervisor.stop(4.0)
    assert supervisor.pids() == {}
    assert not any(alive(pid) for pid in pids.values())
    shown = sorted(m.captured_at_s for m in heard if isinstance(m, Overlay))
    facts = [m for m in heard if isinstance(m, Facts)]
    by_run: dict[str, list[int]] = {}
    for batch in facts:
        by_run.setdefault(batch.run_id, []).append(batch.sequence)
    assert all(numbers == list(range(len(numbers))) for numbers in by_run.values())
    observed_s = sum(sum(batch.observed_s.values()) for batch in facts)
    # One analysed interval is lost between the runs of a looping file.
    assert observed_s == pytest.approx(shown[-1] - shown[0], abs=0.25 * len(by_run) + 0.1)


def test_workers_end_when_their_supervisor_is_killed(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "street.mp4")
    code = (
        "import sys\n"
        "from sensing.worker.plan import *\n"
        "from sensing.worker.supervisor import Supervisor\n"
        "from sensing.worker.messages import Overlay\n"
        f"source = SourceSpec('file', {str(clip)!r}, loop=True)\n"
        "supervisor = Supervisor()\n"
        f"supervisor.apply(WorkerPlan((CameraPlan(1, 'x', source, {SCENE!r}),), '/nowhere'))\n"
        "while not any(isinstance(m, Overlay) for m in supervisor.poll(0.1)): pass\n"
        "print(supervisor.pids()[1], flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert alive(pid)
        parent.kill()
    deadline_s = time.monotonic() + 30.0
    while alive(pid) and time.monotonic() < deadline_s:
        time.sleep(0.05)
    assert not alive(pid)


def test_a_password_is_in_no_argument_environment_or_text(tmp_path: Path) -> None:
    source = SourceSpec("rtsp", "rtsp://127.0.0.1:1/live", False, "bob", "s3cret-w0rd")
    supervisor = Supervisor()
    plan = WorkerPlan((CameraPlan(1, "x", source, SCENE),), str(tmp_path))
    supervisor.apply(plan)
    try:
        heard: list[Message] = []
        deadline_s = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline_s and not any(
            isinstance(m, Status) and m.state == "failed" for m in heard
        ):
            heard += supervisor.poll(0.1)
        process = Path(f"/proc/{supervisor.pids()[1]}")
        secret = b"s3cret-w0rd"
        assert secret not in (process / "cmdline").read_bytes()
        assert secret not in (process / "environ").read_bytes()
        assert secret.decode() not in repr([plan, heard])
    finally:
        supervisor.stop(4.0)
