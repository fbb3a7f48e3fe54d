"""Ten electrodes, twelve leads, one beat with its waves named."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ecglearn.cohort import Cohort
from ecglearn.cohort.electrocardiogram import T_WIDTH
from ecglearn.errors import InputError
from ecglearn.plots.views.contract import View, pack

BEFORE, AFTER = 0.30, 0.56  # seconds around the R wave
POINTS = 400
ELECTRODES_OF: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "I": (("LA",), ("RA",)),
    "II": (("LL",), ("RA",)),
    "III": (("LL",), ("LA",)),
    "aVR": (("RA",), ("LA", "LL")),
    "aVL": (("LA",), ("RA", "LL")),
    "aVF": (("LL",), ("RA", "LA")),
    **{f"V{k}": ((f"V{k}",), ("RA", "LA", "LL")) for k in range(1, 7)},
}


class TorsoView(View):
    """A lead is chosen; its electrodes light up, and one beat in it has its waves named.

    Book: the-12-lead-ecg#one-beat
    """

    kind: ClassVar[str] = "torso"

    @classmethod
    def from_cohort(
        cls, cohort: Cohort, row: int, *, label: str = "Electrodes, leads and one beat"
    ) -> TorsoView:
        """The view of one simulated patient.

        Args:
            cohort: of simulated patients.
            row: the patient; P, QRS, ST and T are where the simulator draws them.
            label: of the whole view, read aloud.

        Raises:
            InputError: the record has no whole beat.
        """
        beats = beat_around_r(cohort, row)
        data = {
            "label": label,
            "start": "II",
            "seconds": [-BEFORE, AFTER],
            "range": [round(float(beats.min()) - 0.15, 2), round(float(beats.max()) + 0.15, 2)],
            "beats": pack(beats),
            "leads": [
                {"name": lead, "plus": list(plus), "minus": list(minus)}
                for lead, (plus, minus) in ELECTRODES_OF.items()
            ],
            "waves": wave_spans(cohort, row),
        }
        return cls(data)


def beat_around_r(cohort: Cohort, row: int) -> NDArray[np.float64]:
    """Mean beat of each lead around the R wave (12, POINTS), millivolt, the PR segment at 0.

    Args:
        cohort: of simulated patients.
        row: the patient.

    Book: the-12-lead-ecg#one-beat
    """
    times = cohort.truth.r_times[row]
    times = times[np.isfinite(times)]
    clock = np.arange(cohort.ecg.shape[-1]) / cohort.fs
    times = times[(times > BEFORE) & (times < clock[-1] - AFTER)]
    if not len(times):
        raise InputError(f"patient {row} has no whole beat in the record")
    around = np.linspace(-BEFORE, AFTER, POINTS)
    beats = np.stack(
        [
            np.mean([np.interp(time + around, clock, lead) for time in times], axis=0)
            for lead in cohort.ecg[row].astype(float)
        ]
    )
    calm = (around > -0.07) & (around < -0.05)
    return beats - beats[:, calm].mean(1, keepdims=True)


def wave_spans(cohort: Cohort, row: int) -> list[dict[str, Any]]:
    """Where P, QRS, ST and T lie, in seconds from the R wave, by the simulator's own numbers.

    Args:
        cohort: of simulated patients.
        row: the patient.

    Book: the-12-lead-ecg#one-beat
    """
    p = {name: float(values[row]) for name, values in cohort.latents.items()}
    cycle = 60 / p["heart_rate"]
    onset, end = -0.00047 * p["qrs"], 0.00053 * p["qrs"]
    width = T_WIDTH * p["t_width"] * float(np.sqrt(np.clip(cycle, 0.5, 1.1)))
    t_end = min(p["qtc"] / 1000 * float(np.cbrt(cycle)) + onset, 0.92 * cycle)
    t_begin = max(t_end - 1.5 * width - 2 * 1.45 * width, end + 0.02)
    spans = [("QRS", onset, end), ("ST", end, t_begin), ("T", t_begin, min(t_end, AFTER))]
    if p["p_amplitude"] > 0:
        begin = max(onset - p["pr"] / 1000, -BEFORE)
        spans.insert(0, ("P", begin, begin + 0.1))
    return [{"name": n, "from": round(a, 3), "to": round(b, 3)} for n, a, b in spans]
