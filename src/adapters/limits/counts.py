"""What counting tells."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Count:
    """How often it happened within the window, and in how many seconds the oldest has left it.

    `was_counted` says whether what was asked to be counted was, or would have been too much.
    """

    used: int
    frees_in: float
    was_counted: bool
