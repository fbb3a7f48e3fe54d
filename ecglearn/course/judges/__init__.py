"""Exercises in which a part is written: each judge tries the part and says what it found."""

from collections.abc import Callable, Mapping
from typing import Any

from ecglearn.course.judges import cohort, evaluation, losses, signals

#: Exercise to judge: what was handed in goes in, a complaint comes out, nothing where it is right.
JUDGES: Mapping[str, Callable[[Any], str]] = {
    "write-weak-heart": cohort.weak_heart,
    "write-arms-swapped": signals.arms_swapped,
    "write-r-peaks": signals.r_peaks,
    "write-info-nce": losses.info_nce,
    "ex-ctr-direction": losses.two_directions,
    "write-circular-target": losses.circular_target,
    "write-bootstrap": evaluation.bootstrap,
    "write-bleu": evaluation.bleu_1,
    "write-cmrs": evaluation.cmrs_by_hand,
    "write-wrong-unit": cohort.wrong_unit,
    "write-leak": evaluation.leak,
    "write-beat-voltages": cohort.beat_voltages,
}

__all__ = ["JUDGES"]
