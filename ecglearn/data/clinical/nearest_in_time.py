"""Events with a time: checked, and the one nearest to each ECG kept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ecglearn.data.clinical.schema import ClinicalError, Column

if TYPE_CHECKING:
    import pandas as pd

REASONS: tuple[str, ...] = ("no time", "no number", "unknown unit", "impossible value")
_NEVER = np.iinfo(np.int64).max


def checked_ecgs(ecgs: pd.DataFrame) -> Any:
    """The same ECGs, when each has a patient and a local time.

    Args:
        ecgs: columns `patient` and `time` (datetime64 without a time zone).

    Raises:
        ClinicalError: a column is absent, a time is absent or has a time zone.

    Book: clinical-transfer#mimic-tables
    """
    import pandas as pd

    lacking = [name for name in ("patient", "time") if name not in ecgs]
    if lacking:
        raise ClinicalError(f"the ECGs have no column {', '.join(lacking)}: use read_ecg_list")
    times: Any = ecgs["time"]
    if not pd.api.types.is_datetime64_dtype(times) or times.isna().any():
        raise ClinicalError(
            "the times of the ECGs are not all local times: pass datetime64 without a time zone, "
            "and leave out ECGs without a time"
        )
    return ecgs


class NearestValues:
    """For each ECG and column the usable value nearest in time; memory does not grow with events.

    The result depends neither on the order of the events nor on how they are cut into pieces: of
    two events equally far away the earlier counts, of two at the same time the one with the lower
    number.

    Args:
        ecgs: columns `patient` and `time` (datetime64 without a time zone), one row for each ECG.
        columns: what to look for.
        minutes: how far before or after the ECG a value may lie; the limit itself counts.

    Raises:
        ClinicalError: the ECGs have no such columns, or one has no time; the window is negative.

    Source: Alcaraz and Strodthoff 2024 (CardioLab) for the nearest value; ties are our choice.

    Book: clinical-transfer#mimic-tables
    """

    def __init__(self, ecgs: Any, columns: Sequence[Column], minutes: float) -> None:
        import pandas as pd

        ecgs = checked_ecgs(ecgs)
        if not 0 <= minutes < np.inf:
            raise ClinicalError(f"a window of {minutes:g} minutes is not possible: give 0 or more")
        times = pd.Series(ecgs["time"].to_numpy("datetime64[us]"))
        in_time: Any = pd.DataFrame(
            {"patient": ecgs["patient"].to_numpy(), "time": times, "row": np.arange(len(ecgs))}
        )
        self._ecgs: Any = in_time.sort_values("time", kind="stable")
        self._index = ecgs.index
        self._columns = {column.name: column for column in columns}
        self._within = timedelta(minutes=minutes)
        shape = (len(columns), len(ecgs))
        self._distance = np.full(shape, _NEVER)
        self._number = np.full(shape, _NEVER)
        self._value = np.full(shape, np.nan)
        self._events = dict.fromkeys(self._columns, 0)
        self._refused = {name: dict.fromkeys(REASONS, 0) for name in self._columns}
        self._units: dict[str, set[str]] = {name: set() for name in self._columns}

    def update(self, events: Any) -> None:
        """Look at more events.

        Args:
            events: `column` (a name), `patient`, `time` (NaT where absent), `number` (of the event,
                int64), `value` (NaN where absent), `unit` (text, NaN where absent).
        """
        for k, column in enumerate(self._columns.values()):
            mine = self._usable(events[events["column"] == column.name], column)
            if len(mine):
                self._keep_nearer(k, mine)

    def table(self) -> pd.DataFrame:
        """Values in the units of the columns: the ECGs in order x columns, NaN where none."""
        import pandas as pd

        return pd.DataFrame(self._value.T.copy(), index=self._index, columns=[*self._columns])

    def report(self) -> pd.DataFrame:
        """One row for each column: `events` seen, how many were refused and why, units not known.

        Every event that is in none of the columns of `REASONS` could be used.
        """
        import pandas as pd

        rows = {
            name: {"events": self._events[name], **self._refused[name]}
            | {"units not known": ", ".join(sorted(self._units[name]))}
            for name in self._columns
        }
        return pd.DataFrame.from_dict(rows, orient="index")

    def _usable(self, events: Any, column: Column) -> Any:
        """Events with time and number, in the unit of the column; the others are counted."""
        refused = self._refused[column.name]
        self._events[column.name] += len(events)

        def without(reason: str, bad: Any) -> Any:
            refused[reason] += int(bad.sum())
            return events[~bad]

        events = without("no time", events["time"].isna())
        events = without("no number", ~np.isfinite(events["value"]))
        units = events["unit"].fillna("")
        values = np.full(len(events), np.nan)
        for unit in units.unique():
            here = (units == unit).to_numpy()
            try:
                values[here] = column.convert(events["value"].to_numpy()[here], unit)
            except ClinicalError:
                self._units[column.name].add(unit or "(none)")
        events = events.assign(value=values)
        events = without("unknown unit", events["value"].isna())
        low, high = column.possible
        return without("impossible value", ~events["value"].between(low, high))

    def _keep_nearer(self, k: int, events: Any) -> None:
        """Compare what these events offer with the nearest so far."""
        import pandas as pd

        fields = ["patient", "time", "number", "value"]
        events = events[fields].astype({"time": "datetime64[us]"}).sort_values(fields[1:])
        events = events.drop_duplicates(["patient", "time"])  # the lowest number stays
        ecgs = self._ecgs[self._ecgs["patient"].isin(events["patient"].unique())]
        found: Any = pd.merge_asof(
            ecgs.rename(columns={"time": "at"}),
            events,
            left_on="at",
            right_on="time",
            by="patient",
            direction="nearest",  # the earlier of two equally near
            tolerance=self._within,
        ).dropna(subset="time")
        late = (found["time"] - found["at"]).to_numpy("timedelta64[us]").astype(np.int64)
        distance = 2 * np.abs(late) + (late > 0)  # orders by distance, then the earlier first
        rows = found["row"].to_numpy()
        number, value = found["number"].to_numpy(np.int64), found["value"].to_numpy(float)
        better: NDArray[np.bool_] = (distance < self._distance[k, rows]) | (
            (distance == self._distance[k, rows])
            & (
                (number < self._number[k, rows])
                | ((number == self._number[k, rows]) & (value < self._value[k, rows]))
            )
        )
        rows = rows[better]
        self._distance[k, rows] = distance[better]
        self._number[k, rows] = number[better]
        self._value[k, rows] = value[better]
