"""Access tokens, as hashpost signs and checks them."""

import hmac
import time
from collections import OrderedDict
from secrets import token_urlsafe

import jwt
from msgspec import Struct

_REMEMBERED = 10_000


class Access(Struct):
    """What a token says, and when it was found to hold."""

    user_id: int
    generation: int
    session_id: int
    expires_at: float
    looked_at: float = 0


class Tokenry:
    """Signs access tokens as the product does; of those it has verified it verifies none twice."""

    def __init__(self, secret: str) -> None:
        self._key = hmac.digest(secret.encode(), b"hashpost access token\x01", "sha256")
        self._verified: OrderedDict[bytes, Access] = OrderedDict()

    def read(self, token: bytes) -> Access | None:
        """What the token says, if it is ours and has not expired."""
        access = self._verified.get(token)
        if access is None:
            try:
                claims = jwt.decode(
                    token, self._key, ["HS256"], audience="hashpost", issuer="hashpost"
                )
            except jwt.PyJWTError:
                return None
            access = Access(int(claims["sub"]), claims["gen"], int(claims["sid"]), claims["exp"])
            self._verified[token] = access
            if len(self._verified) > _REMEMBERED:
                self._verified.popitem(last=False)
        return access if time.time() < access.expires_at else None

    def issue(self, access: Access) -> str:
        """A signed token."""
        claims = {
            "iss": "hashpost",
            "aud": "hashpost",
            "sub": str(access.user_id),
            "iat": int(access.expires_at) - 900,
            "exp": access.expires_at,
            "jti": token_urlsafe(12),
            "typ": "access",
            "gen": access.generation,
            "sid": str(access.session_id),
        }
        return jwt.encode(claims, self._key, "HS256")
