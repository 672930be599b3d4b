from __future__ import annotations

import re
import uuid
from io import BytesIO
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pypdf import PdfReader

from aision.accounts.roles import Role
from sensing.models import AccuracyCertificate, Recount
from sensing.recount.pdf import certificate_pdf
from tests.sensing.recount.rows import allow_strips, certified, judged, ready_recount
from tests.sensing.rows import make_camera, make_user

pytestmark = pytest.mark.django_db


def client(role: Role) -> Client:
    browser = Client()
    browser.force_login(make_user(role, role), "django.contrib.auth.backends.ModelBackend")
    return browser


def text_of(pdf: bytes) -> str:
    pages = PdfReader(BytesIO(pdf)).pages
    return " ".join(" ".join(page.extract_text() for page in pages).split())


def test_a_site_records_nothing_until_an_admin_allows_it() -> None:
    camera, browser = make_camera(), client("operator")
    asked = {
        "kind": "live",
        "camera": camera.pk,
        "minutes": 5,
        "lines": "gate",
        "request_key": uuid.uuid4(),
    }
    assert browser.post("/recounts/", asked).status_code == 422
    allowed = {"audit_strips": "on", "keep_strips_days": 3}
    assert browser.post("/recounts/policy/", allowed).status_code == 403
    assert client("admin").post("/recounts/policy/", allowed).status_code == 302
    answer = browser.post("/recounts/", asked)
    recount = Recount.objects.get()
    assert answer.headers["Location"] == reverse("recount", args=[recount.pk])
    assert browser.post("/recounts/", asked).headers["Location"] == answer.headers["Location"]
    page = browser.get(answer.headers["Location"]).content.decode()
    assert 'data-length="300"' in page
    assert browser.get(f"/recounts/{recount.pk}/?state=1").json()["state"] == "recording"


@pytest.mark.parametrize(
    "wrong",
    [
        {"camera": "99"},
        {"camera": "x"},
        {"minutes": ""},
        {"minutes": "31"},
        {"minutes": "-1"},
        {"kind": "dream"},
        {"lines": "gone"},
        {"request_key": "no key"},
        {"kind": "clip", "clip": "nothing.mp4"},
        {"kind": "clip", "starts_at": "yesterday"},
    ],
)
def test_a_bad_form_is_answered_in_words(wrong: dict[str, Any]) -> None:
    allow_strips()
    right = {"kind": "live", "minutes": 5, "lines": "gate", "request_key": uuid.uuid4()}
    answer = client("operator").post("/recounts/", right | {"camera": make_camera().pk} | wrong)
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "error" in page or 'role="alert"' in page
    assert not Recount.objects.exists()


def test_the_pieces_of_a_strip_are_for_operators_and_go_with_it() -> None:
    recount = ready_recount(make_camera())
    url = reverse("recount_tile", args=[recount.pk, recount.tiles[0]["files"]["gate"]])
    assert Client().get(url).status_code == 302
    assert client("viewer").get(url).status_code == 403
    browser = client("operator")
    answer = browser.get(url)
    assert answer.content[:2] == b"\xff\xd8"
    assert answer.headers["Cache-Control"].startswith("private")
    assert browser.get(f"/recounts/{recount.pk}/strip/..%2f..%2faision.sqlite3").status_code == 404
    browser.post(f"/recounts/{recount.pk}/strip-delete/")
    assert browser.get(url).status_code == 404
    page = browser.get(f"/recounts/{recount.pk}/").content.decode()
    assert "The strip was deleted on" in page
    assert url not in page


def test_judging_over_rest_tells_of_refusals_and_of_others_who_were_faster() -> None:
    recount, browser = ready_recount(make_camera()), client("operator")
    url = f"/api/v1/recounts/{recount.pk}/review/"

    def send(body: Any) -> Any:
        return browser.patch(url, body, content_type="application/json")

    saved = send({"revision": 0, "changes": {"m1": {"verdict": "right"}}})
    assert saved.json() == {
        "revision": 1,
        "review": {"m1": {"verdict": "right"}},
        "marks": 4,
        "checked": 1,
        "added": 0,
    }
    assert send({"revision": 0, "changes": {"m2": {"verdict": "right"}}}).status_code == 409
    for wrong in (
        {},
        {"revision": 1},
        {"revision": -1, "changes": {}},
        {"revision": 1, "changes": []},
        {"revision": 1, "changes": {"m1": 5}},
        {"revision": 1, "changes": {"m9": {"verdict": "right"}}},
        {"revision": 1, "changes": {}, "more": 1},
        [],
    ):
        answer = send(wrong)
        assert answer.status_code == 400, wrong
        assert answer.json()["message"]


def test_a_certificate_is_read_by_all_and_listed_by_camera() -> None:
    other = certified(ready_recount(make_camera("Other")))
    camera = make_camera("Gate 5")
    recount = judged(ready_recount(camera), m4={"verdict": "wrong"})
    issued = client("operator").post(
        f"/api/v1/recounts/{recount.pk}/certificate/",
        {"revision": 1, "looked_through": True},
        content_type="application/json",
    )
    assert issued.status_code == 201
    viewer = client("viewer")
    (row,) = viewer.get(f"/api/v1/certificates/?camera={camera.pk}").json()["results"]
    assert (row["id"], row["camera_name"], row["crossings"]) == (issued.json()["id"], "Gate 5", 3)
    assert row["f1"] == pytest.approx(6 / 7, abs=1e-5)
    rows = viewer.get("/api/v1/certificates/").json()["results"]
    assert [one["id"] for one in rows] == [row["id"], other.pk]
    page = viewer.get(f"/certificates/{row['id']}/").content.decode()
    assert "75.0 %" in page  # precision 3 of 4
    assert "does not match its checksum" not in page
    assert viewer.post(f"/api/v1/recounts/{recount.pk}/certificate/").status_code == 403
    assert viewer.get("/api/v1/certificates/?camera=x").status_code == 400


def test_the_pdf_says_what_the_certificate_says() -> None:
    camera = make_camera("Süd <Tor> & 東門")
    recount = judged(ready_recount(camera), m4={"verdict": "wrong"})
    certificate = certified(recount)
    answer = client("viewer").get(f"/certificates/{certificate.pk}/pdf/")
    assert answer.headers["Content-Type"] == "application/pdf"
    assert re.search(r'filename="accuracy-\d+-S-d-Tor.pdf"', answer.headers["Content-Disposition"])
    text = text_of(answer.content)
    for words in (
        f"Certificate of accuracy {certificate.pk}",
        "n = 4 crossings counted by hand, 4 by the system. Agreed: 4, missed: 0, wrong: 0.",
        "is fewer than 30 crossings",
        "No GEH is stated",
        "nothing is claimed",
        certificate.digest,
        "Süd <Tor> &",
    ):
        assert words in text, words
    document = PdfReader(BytesIO(answer.content))
    assert len(document.pages) <= 2
    assert document.metadata is not None
    assert "東門" in str(document.metadata.title)


def test_the_pdf_is_the_same_bytes_each_time_and_takes_a_picture_and_many_lines() -> None:
    certificate = certified(ready_recount(make_camera()))
    document = certificate.document
    document["lines"] = document["lines"] * 20
    jpeg = bytes.fromhex("")
    one, two = (
        certificate_pdf(document, number=1, digest="0" * 64, thumbnail=jpeg or None)
        for _ in range(2)
    )
    assert one == two
    assert len(PdfReader(BytesIO(one)).pages) >= 2


def test_a_certificate_that_was_tampered_with_says_so() -> None:
    certificate = certified(ready_recount(make_camera()))
    document = certificate.document
    document["total"]["f1"]["value"] = 0.999
    AccuracyCertificate.objects.update(document=document)
    page = client("viewer").get(f"/certificates/{certificate.pk}/").content.decode()
    assert "does not match its checksum" in page


def test_the_html_file_needs_nothing_else() -> None:
    certificate = certified(ready_recount(make_camera("Gate 5")))
    answer = client("viewer").get(f"/certificates/{certificate.pk}/?download=1")
    page = answer.content.decode()
    assert answer.headers["Content-Disposition"].endswith('.html"')
    assert "Gate 5" in page
    assert "grid-template-columns" in page
    assert not re.search(r"(?:src|href)=.(?!data:)", page)
