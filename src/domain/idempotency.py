"""Requests that may be repeated without being done twice.

Who sends a request with a key of its own choice, and does not hear what became of it, sends it once
more with the same key and gets the first answer (draft-ietf-httpapi-idempotency-key-header).
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256

from hashpost.domain.errors import FieldError, IdempotencyKeyReused

KEY_MAX_LENGTH = 255
KEPT = timedelta(hours=24)
"""How long a request is remembered."""

_KEY = re.compile(f"[\x21-\x7e]{{1,{KEY_MAX_LENGTH}}}")


@dataclass(frozen=True, slots=True)
class IdempotentRequest:
    """A request of a user under a key; `answer` is what it was answered, in the use case's words.

    The fingerprint tells what is asked for from whatever else may be.
    """

    user_id: int
    key: str
    fingerprint: bytes
    made_at: datetime
    answer: str = ""

    def answered(self, answer: str) -> "IdempotentRequest":
        """The request with its answer."""
        return replace(self, answer=answer)

    def answer_to(self, request: "IdempotentRequest") -> str:
        """The answer that this request had, for one that came later under the same key.

        Raises:
            IdempotencyKeyReused: the later one asks for something else.
        """
        if request.fingerprint != self.fingerprint:
            raise IdempotencyKeyReused
        return self.answer


def fingerprint(*asked: str | int) -> bytes:
    """32 bytes that tell these words and numbers, in this order, from any others."""
    return sha256(json.dumps(asked).encode()).digest()


def key_faults(key: str | None) -> Iterator[FieldError]:
    """What is wrong with a key, if it is not None."""
    if key is not None and _KEY.fullmatch(key) is None:
        yield FieldError("Idempotency-Key", f"1 to {KEY_MAX_LENGTH} visible ASCII characters")
