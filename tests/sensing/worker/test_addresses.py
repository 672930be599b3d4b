from __future__ import annotations

import socket

import pytest

from sensing.worker.addresses import (
    NetworkAddress,
    check_location,
    redact,
    resolve,
    split_credentials,
)
from sensing.worker.errors import ADVICE, StreamUnavailable, advice
from sensing.worker.plan import SourceKind


@pytest.mark.parametrize(
    ("kind", "location"),
    [
        ("rtsp", "rtsp://192.168.1.20:554/stream1"),
        ("rtsp", "rtsps://camera.local/live?channel=1"),
        ("rtsp", "RTSP://10.0.0.7/"),
        ("rtsp", "rtsp://127.0.0.1:8554/live"),
        ("rtsp", "rtsp://[fd12:3456::7]:554/live"),
        ("http", "http://10.1.2.3/mjpg/video.mjpg"),
        ("http", "https://camera.example/video"),
        ("sim", "sim://road?seed=7"),
        ("file", "/srv/videos/street.mp4"),
        ("file", "street 1.mp4"),
        ("usb", "/dev/video0"),
        ("usb", "0"),
    ],
)
def test_an_address_where_cameras_live_is_accepted(kind: SourceKind, location: str) -> None:
    check_location(kind, location)


@pytest.mark.parametrize(
    ("kind", "location", "code"),
    [
        ("rtsp", "file:///etc/passwd", "refused_scheme"),
        ("http", "file:///etc/passwd", "refused_scheme"),
        ("http", "ftp://10.0.0.7/video", "refused_scheme"),
        ("http", "rtsp://10.0.0.7/video", "refused_scheme"),
        ("http", "gopher://10.0.0.7/", "refused_scheme"),
        ("rtsp", "udp://@239.0.0.1:1234", "refused_scheme"),
        ("rtsp", "/etc/passwd", "refused_scheme"),
        ("rtsp", "", "refused_scheme"),
        ("sim", "http://10.0.0.7/", "refused_scheme"),
        ("file", "http://10.0.0.7/video.mp4", "refused_scheme"),
        ("file", "concat:/etc/passwd|/etc/group", "refused_scheme"),
        ("usb", "rtsp://10.0.0.7/", "refused_scheme"),
        ("rtsp", "rtsp:///live", "bad_address"),
        ("rtsp", "rtsp://10.0.0.7:0/live", "bad_address"),
        ("rtsp", "rtsp://10.0.0.7:99999/live", "bad_address"),
        ("rtsp", "rtsp://[fd12::/live", "bad_address"),
        ("http", "http://10.0.0.7/a b", "bad_address"),
        ("http", "http://10.0.0.7/\r\nHost: other", "bad_address"),
        ("http", "http://169.254.169.254/latest/meta-data/", "refused_address"),
        ("http", "http://169.254.1.1/", "refused_address"),
        ("rtsp", "rtsp://169.254.169.254/", "refused_address"),
        ("http", "http://2852039166/", "refused_address"),
        ("http", "http://0xA9FEA9FE/", "refused_address"),
        ("http", "http://0xa9.0xfe.0xa9.0xfe/", "refused_address"),
        ("http", "http://0251.0376.0251.0376/", "refused_address"),
        ("http", "http://169.254.43518/", "refused_address"),
        ("http", "http://[::ffff:169.254.169.254]/", "refused_address"),
        ("http", "http://[::ffff:a9fe:a9fe]/", "refused_address"),
        ("http", "http://[64:ff9b::a9fe:a9fe]/", "refused_address"),
        ("http", "http://[2002:a9fe:a9fe::1]/", "refused_address"),
        ("http", "http://[fe80::1]/", "refused_address"),
        ("http", "http://[fe80::1%25eth0]/", "refused_address"),
        ("http", "http://[fd00:ec2::254]/", "refused_address"),
        ("http", "http://100.100.100.200/", "refused_address"),
        ("http", "http://metadata.google.internal/", "refused_address"),
        ("http", "http://METADATA.google.internal./", "refused_address"),
        ("http", "http://0.0.0.0/", "refused_address"),
        ("http", "http://224.0.0.1/", "refused_address"),
        ("http", "http://bob:secret@169.254.169.254/", "refused_address"),
    ],
)
def test_an_address_that_is_no_camera_is_refused(
    kind: SourceKind, location: str, code: str
) -> None:
    with pytest.raises(StreamUnavailable) as refused:
        check_location(kind, location)
    assert (refused.value.code, refused.value.permanent) == (code, True)


def test_a_name_that_leads_to_a_metadata_address_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def answer(host: str, port: int, **_: object) -> list[object]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("169.254.169.254", port))]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    with pytest.raises(StreamUnavailable) as refused:
        resolve("http", "http://innocent.example/")
    assert refused.value.code == "refused_address"


def test_resolving_gives_the_address_to_connect_to() -> None:
    found = resolve("rtsp", "rtsp://127.0.0.1:8554/live?x=1#part")
    assert found == NetworkAddress("rtsp", "127.0.0.1", "127.0.0.1", 8554, "/live?x=1")
    assert resolve("http", "https://127.0.0.1").port == 443


def test_an_unknown_name_is_unreachable_and_may_come_back() -> None:
    with pytest.raises(StreamUnavailable) as refused:
        resolve("rtsp", "rtsp://no-such-camera.invalid/live")
    assert (refused.value.code, refused.value.permanent) == ("unreachable", False)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("rtsp://bob:s3cret@10.0.0.7/live", ("rtsp://10.0.0.7/live", "bob", "s3cret")),
        ("rtsp://bob@10.0.0.7/live", ("rtsp://10.0.0.7/live", "bob", "")),
        ("rtsp://a%40b:p%3Aq%2F@h:554/x?y=1", ("rtsp://h:554/x?y=1", "a@b", "p:q/")),
        ("rtsp://bob:p@ss@10.0.0.7/live", ("rtsp://10.0.0.7/live", "bob", "p@ss")),
        ("http://10.0.0.7/a@b", ("http://10.0.0.7/a@b", "", "")),
        (" rtsp://10.0.0.7/ ", ("rtsp://10.0.0.7/", "", "")),
        ("/srv/video.mp4", ("/srv/video.mp4", "", "")),
    ],
)
def test_credentials_are_taken_out_of_a_pasted_address(
    url: str, expected: tuple[str, str, str]
) -> None:
    assert split_credentials(url) == expected


def test_credentials_survive_the_way_into_a_url_and_back() -> None:
    address = NetworkAddress("rtsp", "camera", "10.0.0.7", 554, "/live")
    url = address.url("b:ob@home", "p@ss/w:rd?#ü")
    assert split_credentials(url) == ("rtsp://camera:554/live", "b:ob@home", "p@ss/w:rd?#ü")


@pytest.mark.parametrize(
    "text",
    [
        "cannot open rtsp://bob:s3cret@10.0.0.7/live",
        "cannot open rtsp://bob:s3cret@x:p@10.0.0.7/live",
        "GET /video?user=bob&password=s3cret&x=1",
        "Authorization: s3cret",
        "bob said s3cret",
        "quoted: s3cret",
    ],
)
def test_no_secret_is_left_in_a_text_for_the_log(text: str) -> None:
    assert "s3cret" not in redact(text, "s3cret")


def test_redacting_leaves_a_text_without_secrets_as_it_is() -> None:
    assert redact("rtsp://10.0.0.7/live: 404") == "rtsp://10.0.0.7/live: 404"


def test_every_code_that_the_worker_raises_has_words_for_the_operator() -> None:
    for what_happened, what_to_do in ADVICE.values():
        assert what_happened.endswith(".")
        assert what_to_do.endswith(".")
    assert advice("unauthorized")[1].startswith("Enter the user name")
    assert "brand_new" in advice("brand_new")[0]
