"""From one sampling rate to another by a ratio of small whole numbers, or not at all."""

from fractions import Fraction
from functools import lru_cache

from ecglearn.errors import InputError

_LARGEST = 10_000  # of the two numbers: the filter of the change has twenty times as many taps
_DRIFT = 1e-7  # by which the ratio may be off: a tenth of a sample after a million


@lru_cache(maxsize=1024)
def small_rates(fs_in: float, fs_out: float) -> tuple[int, int]:
    """Two whole numbers that stand to each other as two rates do.

    The change of a rate costs memory and time in proportion to these numbers: from 99,999.999 to
    100 by the letter, its filter alone would fill 15 gigabytes; 1,000 to 1 does as well.

    Args:
        fs_in: samples per second, above 0.
        fs_out: samples per second wanted, above 0.

    Returns:
        Numbers up to 10,000 for both, whose ratio is that of the rates within 1e-7.

    Raises:
        InputError: there are none.

    Book: preprocessing#prep-resampling
    """
    exact = Fraction(fs_out) / Fraction(fs_in)
    inverse = exact > 1
    ratio = (1 / exact if inverse else exact).limit_denominator(_LARGEST)
    if not ratio or abs(float(ratio / (1 / exact if inverse else exact)) - 1) > _DRIFT:
        raise InputError(
            f"{fs_in:.12g} samples per second do not go to {fs_out:.12g} by a ratio of numbers up "
            f"to {_LARGEST:,}: take a rate that does, or correct the one of the file"
        )
    small, large = ratio.numerator, ratio.denominator
    return (small, large) if inverse else (large, small)
