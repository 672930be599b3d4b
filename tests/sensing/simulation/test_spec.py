from __future__ import annotations

import pytest

from sensing.simulation import SimulationInvalid, SimulationSpec, demo_urls, parse_simulation_url

REFUSED = [
    ("http://road", "URL", "'http://road'"),
    ("sim://", "URL", "'sim://'"),
    ("sim://harbour", "URL", "'sim://harbour'"),
    ("sim://road/lane", "URL", "'sim://road/lane'"),
    ("sim://user@road", "URL", "'sim://user@road'"),
    ("sim://road?seed", "URL", "'seed'"),
    ("sim://road?colour=red", "parameter", "'colour'"),
    ("sim://plaza?speed_limit=50", "parameter", "'speed_limit'"),
    ("sim://plaza?stop_and_go=1", "parameter", "'stop_and_go'"),
    ("sim://road?seed=1&seed=2", "seed", "it twice"),
    ("sim://road?seed=-1", "seed", "'-1'"),
    ("sim://road?seed=", "seed", "''"),
    ("sim://road?seed=4294967296", "seed", "'4294967296'"),
    ("sim://road?duration=3", "duration", "'3'"),
    ("sim://road?duration=nan", "duration", "'nan'"),
    ("sim://road?fps=inf", "fps", "'inf'"),
    ("sim://road?fps=60", "fps", "'60'"),
    ("sim://road?duration=3600&fps=25", "duration", "90000 frames"),
    ("sim://road?width=641", "width", "'641'"),
    ("sim://road?height=8000", "height", "'8000'"),
    ("sim://road?weather=hail", "weather", "'hail'"),
    ("sim://road?time=noon", "time", "'noon'"),
    ("sim://road?flow=5000", "flow", "'5000'"),
    ("sim://plaza?flow=50", "flow", "'50'"),
    ("sim://road?flow=1500&stop_and_go=1", "flow", "1500"),
    ("sim://road?speed_limit=10", "speed_limit", "'10'"),
    ("sim://road?stop_and_go=yes", "stop_and_go", "'yes'"),
    ("sim://road?noise=21", "noise", "'21'"),
    ("sim://road?loop=true", "loop", "'true'"),
]


@pytest.mark.parametrize(("url", "where", "got"), REFUSED)
def test_a_bad_url_is_refused_naming_what_was_expected_and_what_came(
    url: str, where: str, got: str
) -> None:
    with pytest.raises(SimulationInvalid) as refused:
        parse_simulation_url(url)
    assert refused.value.where == where
    assert refused.value.got == got
    assert f"expected {refused.value.expected}, got {got}" in str(refused.value)


def test_a_bare_url_gives_each_camera_its_own_defaults() -> None:
    assert parse_simulation_url("sim://road") == SimulationSpec(kind="road", flow=700.0)
    assert parse_simulation_url("sim://plaza") == SimulationSpec(kind="plaza", flow=14.0)


def test_every_parameter_is_read() -> None:
    url = (
        "sim://road?seed=5&duration=20&fps=10&width=320&height=180&weather=snow&time=night"
        "&flow=300&speed_limit=80&stop_and_go=1&noise=0&loop=0"
    )
    assert parse_simulation_url(url) == SimulationSpec(
        kind="road",
        seed=5,
        duration_s=20.0,
        fps=10.0,
        width=320,
        height=180,
        weather="snow",
        time="night",
        flow=300.0,
        speed_limit_kmh=80.0,
        stop_and_go=True,
        noise=0.0,
        loop=False,
    )


def test_the_order_of_parameters_does_not_matter() -> None:
    assert parse_simulation_url("sim://road?seed=2&fps=5") == parse_simulation_url(
        "sim://road?fps=5&seed=2"
    )


def test_an_address_that_is_no_url_is_refused() -> None:
    with pytest.raises(SimulationInvalid, match="expected sim://road or sim://plaza"):
        parse_simulation_url("sim://[road")


def test_the_demo_cameras_are_a_road_and_a_plaza_by_day() -> None:
    road, plaza = (parse_simulation_url(url) for url in demo_urls())
    assert (road.kind, plaza.kind) == ("road", "plaza")
    assert {road.time, plaza.time} == {"day"}
    assert road.frames == plaza.frames == 900
