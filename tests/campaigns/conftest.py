"""How the campaigns run: types are as unchecked as for a person."""

from __future__ import annotations

import jaxtyping
import pytest


@pytest.fixture(scope="module", autouse=True)
def unchecked_types():
    """Types are checked in tests only, and before the sentence about a wrong type could be said."""
    before = jaxtyping.config.jaxtyping_disable
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", before)
