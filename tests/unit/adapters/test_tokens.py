"""The token adapters against the contracts, and the traps of JWT."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from typing import Any

import jwt
import pytest

from hashpost.adapters.tokens import (
    Blake2Cursors,
    HmacMailTokens,
    HmacRefreshTokens,
    JwtAccessTokens,
)
from hashpost.domain.errors import Unauthenticated
from hashpost.domain.session import Access
from hashpost.testing import contracts
from hashpost.testing.clock import START

KEY, OTHER_KEY = b"k" * 32, b"o" * 32
ACCESS = Access(user_id=7, generation=0, session_id=9, expires_at=START + timedelta(minutes=15))


class TestJwtAccessTokens(contracts.AccessTokensContract):
    @pytest.fixture
    def tokens(self) -> JwtAccessTokens:
        return JwtAccessTokens([KEY])

    @pytest.fixture
    def strange_tokens(self) -> JwtAccessTokens:
        return JwtAccessTokens([OTHER_KEY])


class TestHmacRefreshTokens(contracts.RefreshTokensContract):
    @pytest.fixture
    def tokens(self) -> HmacRefreshTokens:
        return HmacRefreshTokens([KEY])

    @pytest.fixture
    def strange_tokens(self) -> HmacRefreshTokens:
        return HmacRefreshTokens([OTHER_KEY])


class TestBlake2Cursors(contracts.CursorsContract):
    @pytest.fixture
    def cursors(self) -> Blake2Cursors:
        return Blake2Cursors([KEY])

    @pytest.fixture
    def strange_cursors(self) -> Blake2Cursors:
        return Blake2Cursors([OTHER_KEY])


class TestHmacMailTokens(contracts.MailTokensContract):
    @pytest.fixture
    def tokens(self) -> HmacMailTokens:
        return HmacMailTokens([KEY])

    @pytest.fixture
    def strange_tokens(self) -> HmacMailTokens:
        return HmacMailTokens([OTHER_KEY])


def test_tokens_in_mails_outlive_a_change_of_keys() -> None:
    old, new = HmacMailTokens([KEY]), HmacMailTokens([OTHER_KEY, KEY])

    assert new.read_unsubscribe(old.unsubscribe(7)) == 7
    reset = old.reset(7, 1, expires_at=START + timedelta(hours=1))
    assert new.read_reset(reset, at=START) == (7, 1)


@pytest.mark.parametrize(
    "make", [JwtAccessTokens, HmacRefreshTokens, Blake2Cursors, HmacMailTokens]
)
@pytest.mark.parametrize("keys", [[], [b""], [b"x" * 31], [KEY, b"x" * 31]])
def test_a_short_key_is_refused(make: Callable[[list[bytes]], object], keys: list[bytes]) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        make(keys)


def test_an_older_key_still_verifies_and_the_first_one_signs() -> None:
    old, both = JwtAccessTokens([OTHER_KEY]), JwtAccessTokens([KEY, OTHER_KEY])

    assert both.read(old.issue(ACCESS, at=START), at=START) == ACCESS
    assert JwtAccessTokens([KEY]).read(both.issue(ACCESS, at=START), at=START) == ACCESS


def test_a_token_that_was_read_before_ends_in_its_time() -> None:
    tokens = JwtAccessTokens([KEY])
    token = tokens.issue(ACCESS, at=START)
    tokens.read(token, at=START)

    with pytest.raises(Unauthenticated):
        tokens.read(token, at=ACCESS.expires_at)


def test_cursors_of_an_older_key_are_read() -> None:
    old, both = Blake2Cursors([OTHER_KEY]), Blake2Cursors([KEY, OTHER_KEY])

    assert both.unseal("posts", old.seal("posts", 5)) == 5
    assert Blake2Cursors([KEY]).unseal("posts", both.seal("posts", 5)) == 5


def test_successors_are_derived_with_every_key_the_first_one_first() -> None:
    first = HmacRefreshTokens([KEY]).successors("t")[0]
    second = HmacRefreshTokens([OTHER_KEY]).successors("t")[0]

    assert list(HmacRefreshTokens([KEY, OTHER_KEY]).successors("t")) == [first, second]


def test_a_refresh_token_or_cursor_key_is_not_the_key_that_signs_access_tokens() -> None:
    token = JwtAccessTokens([KEY]).issue(ACCESS, at=START)
    signed, _, signature = token.rpartition(".")

    with_the_secret_itself = hmac.digest(KEY, signed.encode(), "sha256")

    assert urlsafe_b64decode(signature + "=") != with_the_secret_itself


def forged(claims: dict[str, Any], header: dict[str, Any], algorithm: str = "HS256") -> str:
    """A token under the right key, with some claims and headers changed or, by None, left out."""
    tokens = JwtAccessTokens([KEY])
    token = tokens.issue(ACCESS, at=START)
    good = jwt.decode(token, options={"verify_signature": False})
    key = hmac.digest(KEY, b"hashpost access token\x01", "sha256")
    kid = urlsafe_b64encode(sha256(key).digest()[:6]).decode()
    changed = {name: value for name, value in (good | claims).items() if value is not None}
    return jwt.encode(changed, key, algorithm, headers={"kid": kid} | header)


def test_the_forger_of_these_tests_can_make_a_good_token() -> None:
    assert JwtAccessTokens([KEY]).read(forged({}, {}), at=START) == ACCESS


@pytest.mark.parametrize(
    "claims",
    [
        {"typ": "refresh"},
        {"typ": 1},
        {"aud": "other"},
        {"iss": "other"},
        {"sub": ""},
        {"sub": "07"},
        {"sub": "+7"},
        {"sub": "7 "},
        {"sub": "٧"},
        {"sub": "0"},
        {"sub": str(2**53)},
        {"sub": "9" * 400},
        {"sid": "x"},
        {"sid": 9},
        {"gen": "0"},
        {"gen": True},
        {"gen": 1.5},
        {"exp": 10**30},
        {"exp": -1},
        {"exp": 0},
        {"exp": "soon"},
        *({name: None} for name in ("exp", "iat", "sub", "jti", "typ", "aud", "iss", "gen", "sid")),
    ],
    ids=str,
)
def test_a_token_with_one_claim_wrong_is_refused(claims: dict[str, Any]) -> None:
    with pytest.raises(Unauthenticated):
        JwtAccessTokens([KEY]).read(forged(claims, {}), at=START)


@pytest.mark.parametrize("header", [{"kid": "x"}, {"kid": ""}, {"typ": "at+jwt"}], ids=str)
def test_a_token_with_one_header_wrong_is_refused(header: dict[str, Any]) -> None:
    with pytest.raises(Unauthenticated):
        JwtAccessTokens([KEY]).read(forged({}, header), at=START)


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_another_algorithm_is_refused(algorithm: str) -> None:
    with pytest.warns(jwt.InsecureKeyLengthWarning):
        token = forged({}, {}, algorithm)

    with pytest.raises(Unauthenticated):
        JwtAccessTokens([KEY]).read(token, at=START)


def test_an_unsigned_token_is_refused() -> None:
    head = urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').rstrip(b"=").decode()
    body = forged({}, {}).split(".")[1]

    with pytest.raises(Unauthenticated):
        JwtAccessTokens([KEY]).read(f"{head}.{body}.AAAA", at=START)
    with pytest.raises(Unauthenticated):
        JwtAccessTokens([KEY]).read(f"{head}.{body}.", at=START)
