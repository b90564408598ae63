"""What users of hashpost test with: contracts for adapters, strategies, builders, a model.

It is shipped with the package and needs pytest and hypothesis, which the package itself does not
ask for. Nothing outside of tests may import it.
"""

import pytest

pytest.register_assert_rewrite("hashpost.testing.contracts")
