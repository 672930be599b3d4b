"""What is answered where nothing is, and when something breaks."""

from __future__ import annotations

import pytest
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
