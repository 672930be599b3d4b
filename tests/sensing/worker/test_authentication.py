from __future__ import annotations

import hashlib
import re

import pytest

from sensing.worker.authentication import authorization


def fields(header: str) -> dict[str, str]:
    return {k: a or b for k, a, b in re.findall(r'(\w+)=(?:"([^"]*)"|([^,\s]+))', header)}


def test_basic_is_answered_as_in_rfc_7617() -> None:
    answer = authorization(['Basic realm="x"'], "GET", "/", "Aladdin", "open sesame")
    assert answer == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="


@pytest.mark.parametrize(("algorithm", "digest"), [("MD5", "md5"), ("SHA-256", "sha256")])
def test_digest_with_qop_is_answered_as_in_rfc_7616(algorithm: str, digest: str) -> None:
    nonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
    challenge = (
        'Digest realm="http-auth@example.org", qop="auth, auth-int", '
        f'algorithm={algorithm}, nonce="{nonce}", opaque="FQhe/qaU925kfnzj"'
    )
    answer = authorization([challenge], "GET", "/dir/index.html", "Mufasa", "Circle of Life")
    assert answer is not None
    given = fields(answer)

    def hashed(text: str) -> str:
        return hashlib.new(digest, text.encode()).hexdigest()

    key = hashed("Mufasa:http-auth@example.org:Circle of Life")
    request = hashed("GET:/dir/index.html")
    wanted = hashed(f"{key}:{nonce}:{given['nc']}:{given['cnonce']}:auth:{request}")
    assert given["response"] == wanted
    assert given["opaque"] == "FQhe/qaU925kfnzj"
    assert (given["nc"], given["algorithm"]) == ("00000001", algorithm)


def test_the_strongest_challenge_that_can_be_answered_is_chosen() -> None:
    md5 = 'Digest realm="r", nonce="n"'
    sha = 'Digest realm="r", nonce="n", algorithm=SHA-256'
    unknown = 'Digest realm="r", nonce="n", algorithm=SHA-512-256'
    basic = 'Basic realm="r"'

    def chosen(*challenges: str) -> str | None:
        return authorization(challenges, "GET", "/", "u", "p")

    assert "SHA-256" in (chosen(basic, md5, sha) or "")
    assert (chosen(basic, md5) or "").startswith("Digest")
    assert (chosen(unknown, basic) or "").startswith("Basic")
    assert chosen("Bearer x") is None


def test_the_password_itself_is_not_in_a_digest_answer() -> None:
    answer = authorization(['Digest realm="r", nonce="n"'], "GET", "/", "bob", "s3cret")
    assert answer is not None
    assert "s3cret" not in answer
