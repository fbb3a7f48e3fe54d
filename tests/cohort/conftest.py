"""Cohorts that several tests look at, made once."""

import pytest

from ecglearn.cohort import simulate


@pytest.fixture(scope="package")
def crowd():
    """600 patients at 250 Hz, with small cines."""
    return simulate(600, seed=1, fs=250, frames=4, size=12)


@pytest.fixture(scope="package")
def quiet_crowd():
    """The same 600 patients without noise."""
    return simulate(600, seed=1, fs=250, frames=4, size=12, noise=False)


@pytest.fixture(scope="package")
def few():
    """Twelve patients as the book uses them."""
    return simulate(12, seed=5)
