"""The revisions of the schema, each a step up and a step down.

A revision that was ever released is never changed again; the next one mends it. It imports nothing
from this package, because that moves on.
"""
