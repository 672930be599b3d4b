from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from aision import env
from tests.gateway import environment
from tests.shared_data import ROOT


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("AISION_TIME_ZONE", "Mars/Olympus", "expected an IANA time zone"),
        ("AISION_HTTPS", "maybe", "expected 1 or 0"),
        ("AISION_REDIS_URL", "http://cache", "expected redis://"),
        ("DATABASE_URL", "mysql://root@db/aision", "expected postgres://"),
        ("DATABASE_URL", "postgres://user:hunter2@db:port/aision", "expected postgres://"),
        ("DATABASE_URL", "sqlite:///elsewhere.sqlite3", "expected postgres://"),
        ("AISION_LOG_LEVEL", "LOUD", "expected DEBUG, INFO, WARNING or ERROR"),
        ("AISION_SECRET_KEY", "short", "expected at least 32 characters"),
        ("AISION_DATA_DIR", __file__, "expected a folder"),
    ],
)
def test_a_nonsense_setting_stops_the_start_and_says_what_was_expected(
    name: str, value: str, expected: str, tmp_path: Path
) -> None:
    started = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=ROOT,
        env=environment(tmp_path) | {name: value},
        capture_output=True,
        text=True,
        check=False,
    )
    assert started.returncode != 0
    assert f"{name}: {expected}" in started.stderr
    assert "Traceback" not in started.stderr
    assert "hunter2" not in started.stderr


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"AISION_ADMIN_USER": ""}, "AISION_ADMIN_USER: This field cannot be blank. Got ''."),
        ({"AISION_ADMIN_USER": "a b"}, "AISION_ADMIN_USER: Enter a valid username."),
        (
            {"DATABASE_URL": "postgres://user:hunter2@127.0.0.1:1/aision"},
            "The database cannot be used: ",
        ),
    ],
)
def test_a_gateway_that_cannot_be_prepared_says_why(
    more: dict[str, str], expected: str, tmp_path: Path
) -> None:
    started = subprocess.run(
        [sys.executable, "manage.py", "gateway", "--no-demo", "--port", "39999"],
        cwd=ROOT,
        env=environment(tmp_path) | {"DATABASE_URL": ""} | more,
        capture_output=True,
        text=True,
        check=False,
    )
    assert started.returncode == 1
    assert expected in started.stderr
    assert "Traceback" not in started.stderr
    assert "hunter2" not in started.stderr


def test_a_data_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ImproperlyConfigured, match=r"AISION_DATA_DIR: expected a folder .*file"):
        env.secret("AISION_NOT_SET", tmp_path / "file" / "secrets" / "key")


def test_a_refused_database_url_does_not_print_its_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql://root:hunter2@db/aision")
    with pytest.raises(ImproperlyConfigured) as refused:
        env.url("DATABASE_URL", ("postgres",))
    assert "hunter2" not in str(refused.value)


def test_a_secret_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "secrets" / "key"
    first = env.secret("AISION_NOT_SET", path)
    assert env.secret("AISION_NOT_SET", path) == first
    assert len(first) >= 32
    assert path.stat().st_mode & 0o077 == 0
