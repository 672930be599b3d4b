"""A child of the sandbox answers, or its end is told; it reaches nothing that it was not given."""

from __future__ import annotations

import os
import pickle
import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from models_registry.sandbox import ChildError, ChildFailed, Limits, call, isolation
from models_registry.sandbox.limits import MIB

FUNCTIONS = "tests.models_registry.sandbox.functions:"
QUICK = Limits(memory_bytes=300 * MIB, cpu_s=20, wall_s=60, file_bytes=4 * MIB)


def run(function: str, request: Any = None, limits: Limits = QUICK, **options: Any) -> Any:
    return call(FUNCTIONS + function, request, limits=limits, **options)


def children() -> set[str]:
    """Processes whose parent is this one, ended ones that nobody waited for among them."""
    found = set()
    for task in Path("/proc/self/task").iterdir():
        found |= set((task / "children").read_text().split())
    return found


@pytest.fixture(autouse=True)
def nothing_is_left_behind() -> Iterator[None]:
    before, descriptors = children(), set(os.listdir("/proc/self/fd"))
    yield
    assert children() == before
    assert len(os.listdir("/proc/self/fd")) <= len(descriptors)


@pytest.mark.parametrize(
    "value",
    [
        None,
        {"deep": [1, 2.5, True, None, "ü", {"bytes": [b"", b"\x00\xff"]}], "empty": {}},
        b"x" * 3_000_000,  # more than a pipe holds, both ways
    ],
    ids=["nothing", "a tree", "much"],
)
def test_values_travel_there_and_back(value: Any) -> None:
    assert run("echo", value) == value


def test_progress_arrives_in_order_while_the_child_works() -> None:
    seen: list[tuple[float, str]] = []
    assert run("count", 3, on_progress=lambda share, text: seen.append((share, text))) == 3
    assert seen == [(1 / 3, "step 1"), (2 / 3, "step 2"), (1.0, "step 3")]


def test_a_typed_error_keeps_its_code_and_words() -> None:
    with pytest.raises(ChildError) as told:
        run("refuse", ["external_data", "expected all in one file\x1b[31m, got two"])
    assert told.value.code == "external_data"
    assert told.value.message == "expected all in one file\N{REPLACEMENT CHARACTER}[31m, got two"
    assert pickle.loads(pickle.dumps(told.value)).code == "external_data"


@pytest.mark.parametrize(
    ("function", "request_", "limits", "code", "words"),
    [
        ("stumble", None, QUICK, "crashed", "KeyError: 'nobody foresaw this'"),
        ("refuse", ["Not A Code!", "words"], QUICK, "crashed", "words"),
        ("segfault", None, QUICK, "crashed", "SIGSEGV"),
        ("leave", 3, QUICK, "crashed", "exit code 3"),
        ("allocate_python", None, QUICK, "out_of_memory", "more than 300 MiB"),
        ("allocate_resident", None, QUICK, "out_of_memory", "more than 300 MiB"),
        ("allocate_in_c", None, QUICK, "out_of_memory", "more than 300 MiB"),
        ("spin", None, Limits(cpu_s=1, wall_s=20), "timeout", "1 s of processor time"),
        ("sleep_for_ever", None, Limits(wall_s=1), "timeout", "more than 1 s"),
        ("answer_much", 3 * MIB, Limits(answer_bytes=MIB), "crashed", "expected at most 1048576"),
        ("answer_deep", 100_000, QUICK, "crashed", "WireError"),
    ],
)
def test_a_failing_child_is_told_in_words(
    function: str, request_: Any, limits: Limits, code: str, words: str
) -> None:
    with pytest.raises(ChildFailed) as told:
        run(function, request_, limits)
    assert told.value.code == code
    assert words in told.value.message


def test_the_last_words_of_a_crash_name_no_folders() -> None:
    with pytest.raises(ChildFailed, match=r"about to fall in model\.bin"):
        run("segfault")


@pytest.mark.parametrize(
    "forged",
    [
        b"X" + struct.pack(">Q", 4) + b"abcd",
        b"R" + struct.pack(">Q", 2**62) + b"abcd",
        b"P" + struct.pack(">Q", 2**62) + b"abcd",
        b"P" + struct.pack(">Q", 4) + b"abcd",
        b"P" + struct.pack(">Q", 15) + struct.pack(">Q", 7) + b"[NaN,1]",
        b"F" + struct.pack(">Q", 11) + struct.pack(">Q", 3) + b"[1]",
        b"R" + struct.pack(">Q", 20) + struct.pack(">Q", 12) + b'{"$bytes":0}',
        b"R" + struct.pack(">Q", 12) + struct.pack(">Q", 2**63) + b"null",
        b"R" + struct.pack(">Q", 0),
        b"R" + struct.pack(">Q", 11) + struct.pack(">Q", 3) + b"{:}",
    ],
    ids=range(10),
)
def test_forged_frames_end_the_child_and_harm_nobody(forged: bytes) -> None:
    with pytest.raises(ChildFailed) as told:
        run("forge", forged, Limits(wall_s=4))
    assert told.value.code in ("crashed", "timeout")


def test_noise_on_both_outputs_does_not_disturb_the_answer() -> None:
    assert run("print_noise") == "heard"


def test_a_cancelled_child_is_ended() -> None:
    asleep = threading.Event()
    with pytest.raises(ChildFailed) as told:
        run(
            "sleep_for_ever",
            on_progress=lambda share, text: asleep.set(),
            cancelled=asleep.is_set,
        )
    assert told.value.code == "cancelled"


def test_an_error_in_the_callers_own_progress_ends_the_child() -> None:
    def fail(share: float, text: str) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run("sleep_for_ever", on_progress=fail)


def test_a_request_that_cannot_travel_is_refused_before_a_child_starts() -> None:
    for value in ({1: 2}, {"$bytes": 0}, {"a": object()}):
        with pytest.raises(ValueError, match="expected"):
            run("echo", value)


def test_files_are_bounded_one_by_one_and_together(tmp_path: Path) -> None:
    path = str(tmp_path / "big")
    assert run("write_file", [path, 4 * MIB], write_dir=tmp_path) == 4 * MIB
    with pytest.raises(ChildFailed, match="File too large"):
        run("write_file", [path, 5 * MIB], write_dir=tmp_path)
    with pytest.raises(ChildFailed, match="wrote more than 4194304 bytes"):
        run("write_many", str(tmp_path), write_dir=tmp_path)


def test_the_child_sees_no_secrets_and_no_framework(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AISION_SECRET_KEY", "not for children")
    monkeypatch.setenv("DATABASE_URL", "postgres://user:secret@db/name")
    seen = run("environment")
    assert "AISION_SECRET_KEY" not in seen
    assert "DATABASE_URL" not in seen
    assert seen["ORT_DISABLE_TELEMETRY"] == "1"
    assert {"django", "celery", "channels"}.isdisjoint(run("imported"))


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "secret_key").write_text("the key")
    return folder


def needs(measure: str) -> None:
    if not isolation()[measure]:
        pytest.skip(f"this machine has no means for: {measure}")


def test_the_child_reads_only_what_it_is_given(data_dir: Path, tmp_path: Path) -> None:
    needs("files")
    secret = str(data_dir / "secret_key")
    given = tmp_path / "given"
    given.write_bytes(b"model")
    assert run("read_file", str(given), read_paths=[given]) == b"model"
    for function, path in [
        ("read_file", secret),
        ("list_folder", str(data_dir)),
        ("read_file", "/etc/passwd"),
        ("read_file", str(Path(__file__).parents[3] / "pyproject.toml")),
        ("read_file", f"/proc/{os.getpid()}/environ"),
        ("write_file", [str(tmp_path / "new"), 65536]),
    ]:
        with pytest.raises(ChildFailed, match="PermissionError"):
            run(function, path, read_paths=[given])
    assert not (tmp_path / "new").exists()


def test_a_writable_folder_is_all_that_can_be_written(data_dir: Path, tmp_path: Path) -> None:
    needs("files")
    write_dir = tmp_path / "scratch"
    write_dir.mkdir()
    target = write_dir / "made"
    assert run("write_file", [str(target), 65536], write_dir=write_dir) == 65536
    assert target.stat().st_uid == os.getuid()
    with pytest.raises(ChildFailed, match="PermissionError"):
        run("write_file", [str(data_dir / "secret_key"), 65536], write_dir=write_dir)
    assert (data_dir / "secret_key").read_text() == "the key"


def test_the_child_reaches_no_network() -> None:
    needs("network")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(ChildFailed, match=r"Error"):
            run("connect", port)
        server.settimeout(0)
        with pytest.raises(BlockingIOError):
            server.accept()


def test_the_child_starts_threads_but_no_processes_and_signals_nobody() -> None:
    needs("system_calls")
    assert run("start_thread") == "from a thread"
    for function in ("fork", "start_program", "signal_process"):
        with pytest.raises(ChildFailed, match="PermissionError"):
            run(function, os.getpid())
