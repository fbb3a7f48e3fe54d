"""Where the real recordings are; without them these tests say so and skip."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder named by ECGLEARN_TEST_DATA."""
    folder = os.environ.get("ECGLEARN_TEST_DATA")
    if not folder:
        pytest.skip("ECGLEARN_TEST_DATA is not set: no real recordings here")
    return Path(folder)
