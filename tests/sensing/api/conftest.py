from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from tests.sensing.rows import make_user


@pytest.fixture
def viewer(db: None) -> APIClient:
    return _logged_in("viewer")


@pytest.fixture
def operator(db: None) -> APIClient:
    return _logged_in("operator")


@pytest.fixture
def admin(db: None) -> APIClient:
    return _logged_in("admin")


def _logged_in(role: str) -> APIClient:
    client = APIClient()
    client.default_format = "json"
    client.force_login(make_user(f"the-{role}", role))  # type: ignore[arg-type]
    return client
