"""A few simulated patients for the methods."""

import pytest

from ecglearn.cohort import simulate
from ecglearn.data.batch import ECGBatch


@pytest.fixture(scope="session")
def cohort():
    return simulate(48, seed=3)


@pytest.fixture(scope="session")
def patients(cohort):
    return ECGBatch.from_cohort(cohort)
