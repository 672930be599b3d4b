"""What is answered where nothing is, and when something breaks."""

from __future__ import annotations

import pytest
from django.db import OperationalError, connection
from django.test import Client, RequestFactory

from aision.views import defect
from tests.sensing.rows import make_user

pytestmark = pytest.mark.django_db


def test_an_unknown_page_is_a_page_and_an_unknown_endpoint_is_json(client: Client) -> None:
    client.force_login(make_user("vera", "viewer"), "django.contrib.auth.backends.ModelBackend")
    page = client.get("/no/such/page/")
    assert page.status_code == 404
    assert page["Content-Type"].startswith("text/html")
    answer = client.get("/api/v1/no-such-thing/")
    assert answer.status_code == 404
    assert answer.json() == {
        "code": "not_found",
        "message": "There is nothing at /api/v1/no-such-thing/.",
    }


def test_a_defect_is_told_to_programs_in_json() -> None:
    answer = defect(RequestFactory().get("/api/v1/cameras/"))
    assert answer.status_code == 500
    assert b'"code": "defect"' in answer.content
    page = defect(RequestFactory().get("/cameras/"))
    assert page["Content-Type"].startswith("text/html")


def database_is_away(*_: object) -> None:
    raise OperationalError("server closed the connection unexpectedly")


def test_a_database_that_is_away_is_named_on_pages_and_to_programs(client: Client) -> None:
    client.force_login(make_user("vera", "viewer"), "django.contrib.auth.backends.ModelBackend")
    client.raise_request_exception = False
    with connection.execute_wrapper(database_is_away):
        page, answer = client.get("/cameras/"), client.get("/api/v1/cameras/")
    assert page.status_code == 503
    assert "The database does not answer" in page.content.decode()
    assert (answer.status_code, answer.json()["code"]) == (503, "database_away")
