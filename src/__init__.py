"""Short posts with hashtags, as a library: `open_service` opens one over a database.

What else may be imported from outside stands in `hashpost.domain` (values and errors),
`hashpost.application` (use cases and ports) and `hashpost.testing`.
"""

from hashpost.application.service import Policy, Service
from hashpost.entrypoints.library import open_service

__all__ = ["Policy", "Service", "open_service"]
