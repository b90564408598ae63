"""Access tokens by JWT, refresh and mail tokens by HMAC, cursors by BLAKE2; one list of keys.

The first key signs, all of them verify, so a key is changed by putting the new one in front and
dropping the old one when its tokens have expired. Each use has a key of its own, derived from the
secret (HKDF-Expand with one block, RFC 5869), so that nothing made for one passes for another.
"""

import hmac
import re
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from hashlib import blake2b, sha256
from typing import Any

import jwt

from hashpost.adapters.system import random_bytes
from hashpost.domain.errors import Unauthenticated
from hashpost.domain.ids import from_unix_ms, is_id, unix_ms
from hashpost.domain.session import Access

KEY_MIN_BYTES = 32
TOKEN_MAX_LENGTH = 1024
REMEMBERED_TOKENS = 4096
"""Of how many tokens a process knows by heart what they say: some 600 bytes each."""

_ALGORITHM = "HS256"
_ISSUER = "hashpost"
_KIND = "access"
_CLAIMS = ("exp", "iat", "sub", "jti", "typ", "aud", "iss", "gen", "sid")
_DECIMAL = re.compile(r"[1-9][0-9]{0,15}", re.ASCII)
_SHAPE = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)


def _derived(secret: bytes, purpose: str) -> bytes:
    return hmac.digest(secret, f"hashpost {purpose}\x01".encode(), "sha256")


def _checked(keys: Sequence[bytes]) -> Sequence[bytes]:
    if not keys or min(map(len, keys)) < KEY_MIN_BYTES:
        raise ValueError(f"at least one secret key, each of at least {KEY_MIN_BYTES} bytes")
    return keys


def _base64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _unbase64(text: str, size: int) -> bytes | None:
    """That many bytes, if the text is the one spelling of them."""
    if len(text) != -(-size * 4 // 3) or not text.isascii():
        return None
    try:
        data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return None
    return data if _base64(data) == text else None


class JwtAccessTokens:
    """Access tokens: JWT (RFC 7519) signed with HS256, the key named by `kid`.

    The library leaves open what a token must hold; here the algorithm is fixed, every claim is
    needed and of one form, and a token has one spelling only. What that spelling says never
    changes, so it is worked out once; only whether it has expired is a new question every time.
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        derived = [_derived(key, "access token") for key in _checked(keys)]
        self._keys = {_base64(sha256(key).digest()[:6]): key for key in derived}
        self._signing = next(iter(self._keys))
        self._said_by = lru_cache(REMEMBERED_TOKENS)(self._said)

    def issue(self, access: Access, *, at: datetime) -> str:
        """A signed token that says `access`."""
        claims = {
            "iss": _ISSUER,
            "aud": _ISSUER,
            "sub": str(access.user_id),
            "iat": unix_ms(at) // 1000,
            "exp": unix_ms(access.expires_at) / 1000,
            "jti": _base64(random_bytes(12)),
            "typ": _KIND,
            "gen": access.generation,
            "sid": str(access.session_id),
        }
        return jwt.encode(
            claims, self._keys[self._signing], _ALGORITHM, headers={"kid": self._signing}
        )

    def read(self, token: str, *, at: datetime) -> Access:
        """What a token says.

        Raises:
            Unauthenticated: malformed, not signed by us, of another kind, or expired at `at`.
        """
        access = self._said_by(token)
        if at >= access.expires_at:
            raise Unauthenticated
        return access

    def _said(self, token: str) -> Access:
        if len(token) > TOKEN_MAX_LENGTH or _SHAPE.fullmatch(token) is None:
            raise Unauthenticated
        access = self._parsed(self._verified(token))
        if access is None:
            raise Unauthenticated
        return access

    def _verified(self, token: str) -> dict[str, Any]:
        try:
            header = jwt.get_unverified_header(token)
            key = self._keys.get(header.get("kid", ""))
            if key is None or header.get("typ") != "JWT":
                raise Unauthenticated
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[_ALGORITHM],
                audience=_ISSUER,
                issuer=_ISSUER,
                options={"require": list(_CLAIMS), "verify_exp": False, "verify_iat": False},
            )
        except (jwt.PyJWTError, TypeError, ValueError, RecursionError) as error:
            raise Unauthenticated from error
        return claims

    def _parsed(self, claims: dict[str, Any]) -> Access | None:
        user, session, generation = claims["sub"], claims["sid"], claims["gen"]
        expires = claims["exp"]
        if not (
            claims["typ"] == _KIND
            and _is_decimal_id(user)
            and _is_decimal_id(session)
            and type(generation) is int
            and isinstance(expires, int | float)
            and 0 < expires < 2**42 / 1000
        ):
            return None
        return Access(
            user_id=int(user),
            generation=generation,
            session_id=int(session),
            expires_at=from_unix_ms(round(expires * 1000)),
        )


def _is_decimal_id(value: object) -> bool:
    return isinstance(value, str) and bool(_DECIMAL.fullmatch(value)) and is_id(int(value))


class HmacRefreshTokens:
    """Refresh tokens of 256 bits; a successor is the HMAC-SHA-256 of its predecessor.

    So a retry gets the same successor, though nothing is stored in the clear.
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = [_derived(key, "refresh token") for key in _checked(keys)]

    def first(self) -> str:
        """A new token, at random."""
        return _base64(random_bytes(32))

    def successors(self, token: str) -> Sequence[str]:
        """What may follow on the token: with today's key first, then with each older one."""
        predecessor = token.encode("utf-8", "surrogatepass")
        return [_base64(hmac.digest(key, predecessor, "sha256")) for key in self._keys]


class Blake2Cursors:
    """Cursors: a position of 8 bytes, and 16 of keyed BLAKE2b over position and timeline.

    BLAKE2 takes a key itself (RFC 7693, section 2.9), and a third of the time of an HMAC: every
    page has a cursor.
    """

    _BYTES = 24

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = [_derived(key, "cursor") for key in _checked(keys)]

    def seal(self, timeline: str, position: int) -> str:
        """A cursor for that position: 32 characters of URL-safe base64 (RFC 4648, section 5)."""
        packed = position.to_bytes(8, "big")
        return _base64(packed + self._tag(self._keys[0], timeline, packed))

    def unseal(self, timeline: str, cursor: str) -> int | None:
        """The position, or None when `seal` did not make the cursor for this timeline."""
        raw = _unbase64(cursor, self._BYTES)
        if raw is None:
            return None
        packed, tag = raw[:8], raw[8:]
        expected = [self._tag(key, timeline, packed) for key in self._keys]
        if not any(hmac.compare_digest(tag, each) for each in expected):
            return None
        return int.from_bytes(packed, "big")

    def _tag(self, key: bytes, timeline: str, packed: bytes) -> bytes:
        return blake2b(packed + timeline.encode(), key=key, digest_size=16).digest()


class HmacMailTokens:
    """Tokens for links in mails: what they say, packed, and 16 bytes of HMAC-SHA-256 over it.

    Nothing of them is stored. A reset token names the user's generation, which the first use
    raises: so it is good once, and a changed password ends it.
    """

    _RESET = struct.Struct(">QQQ")
    _UNSUBSCRIBE = struct.Struct(">Q")
    _TAG_BYTES = 16

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._reset = [_derived(key, "reset token") for key in _checked(keys)]
        self._unsubscribe = [_derived(key, "unsubscribe token") for key in keys]

    def reset(self, user_id: int, generation: int, *, expires_at: datetime) -> str:
        """A token of 54 characters that lets that user set a new password."""
        return self._sealed(self._reset, self._RESET.pack(user_id, generation, unix_ms(expires_at)))

    def read_reset(self, token: str, *, at: datetime) -> tuple[int, int] | None:
        """User id and generation of a token that `reset` made and that holds."""
        packed = self._opened(self._reset, token, self._RESET.size)
        if packed is None:
            return None
        user_id, generation, expires = self._RESET.unpack(packed)
        return (user_id, generation) if unix_ms(at) < expires else None

    def unsubscribe(self, user_id: int) -> str:
        """A token of 32 characters that ends the digests of that user."""
        return self._sealed(self._unsubscribe, self._UNSUBSCRIBE.pack(user_id))

    def read_unsubscribe(self, token: str) -> int | None:
        """The user id of a token that `unsubscribe` made."""
        packed = self._opened(self._unsubscribe, token, self._UNSUBSCRIBE.size)
        return None if packed is None else int(self._UNSUBSCRIBE.unpack(packed)[0])

    def _sealed(self, keys: Sequence[bytes], packed: bytes) -> str:
        return _base64(packed + self._tag(keys[0], packed))

    def _opened(self, keys: Sequence[bytes], token: str, size: int) -> bytes | None:
        raw = _unbase64(token, size + self._TAG_BYTES)
        if raw is None:
            return None
        packed, tag = raw[:size], raw[size:]
        expected = [self._tag(key, packed) for key in keys]
        return packed if any(hmac.compare_digest(tag, each) for each in expected) else None

    def _tag(self, key: bytes, packed: bytes) -> bytes:
        return hmac.digest(key, packed, "sha256")[: self._TAG_BYTES]
