"""The tables of longer runs: which variants, how many seeds, made by which function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from results.arenas import (
    charts,
    clinical,
    five_methods,
    missing,
    phases,
    planted,
    ptacl,
    real,
    reports,
    reports_pilot,
    scar,
)


@dataclass(frozen=True)
class Table:
    """Runs of one kind.

    Attributes:
        run: from variant and seed to named numbers.
        variants: in the order they are shown.
        setting: one sentence.
        seeds: how many of each variant, or how many of those that are named; others have three.
        configs: variant to its configuration, where it has one.
        preset: from which sizes it departs.
        simulated: whether the patients are.
        ready: whether its data are at hand.
    """

    run: Callable[[str, int], dict[str, float]]
    variants: tuple[str, ...]
    setting: str
    seeds: int | Mapping[str, int] = 3
    configs: Mapping[str, Any] = field(default_factory=dict)
    preset: str = "class"
    simulated: bool = True
    ready: Callable[[], bool] = lambda: True

    def seeds_of(self, variant: str) -> int:
        """How many runs of a variant the table asks for.

        Args:
            variant: its name.
        """
        return self.seeds if isinstance(self.seeds, int) else self.seeds.get(variant, 3)


_ALIGNMENT, _ABLATION = ptacl.ALIGNMENT, ptacl.ABLATION
TABLES: dict[str, Table] = {
    "reports": Table(
        reports.run,
        reports.VARIANTS,
        f"new simulated patients for each seed: pairs as named, {reports.TEST} to test, "
        f"{reports.SITE} of a second site; {reports.PASSES} passes, batch {reports.BATCH}, mean of "
        "the weights of the last three; narrow encoders; embedded text",
        seeds={v: 8 if v in reports.MANY or "; 16384" not in v else 0 for v in reports.VARIANTS},
        configs={v: reports.CONFIGS[v.split("; ")[0]] for v in reports.VARIANTS},
    ),
    "reports-pilot": Table(
        reports_pilot.run,
        reports_pilot.VARIANTS,
        f"new simulated patients for each seed: {reports_pilot.TRAIN} pairs; otherwise as the "
        "table `reports`",
        seeds=4,
        configs=reports.CONFIGS,
    ),
    "phases": Table(
        phases.run,
        phases.VARIANTS,
        f"new simulated patients for each seed: pairs as named, {phases.TEST} to test; "
        f"{phases.PASSES} passes for each stage, batch {phases.BATCH}",
        seeds={v: 8 if " 1024 " in v else 4 for v in phases.VARIANTS},
        configs={v: phases.CONFIGS[v.split("; ")[0]][0] for v in phases.VARIANTS},
    ),
    "charts": Table(
        charts.run,
        charts.VARIANTS,
        f"new simulated patients for each seed: {charts.TRAIN} pairs, {charts.TEST} to test; "
        f"{charts.JOINT} passes on pairs, {charts.LABS} on flags, {charts.DIAGNOSES} on all "
        f"diagnoses or {charts.STEPS} steps on fewer",
        # eight seeds have suggested what sixteen new ones judge
        seeds={v: 24 if v in charts.SUGGESTED else 8 for v in charts.VARIANTS},
    ),
    "missing": Table(
        missing.run,
        missing.VARIANTS,
        f"new simulated patients for each seed: {missing.TRAIN} pairs, {missing.TEST} to test; "
        f"{missing.PASSES} passes, batch {missing.BATCH}, mean of the weights of the last three; "
        "embedded text",
        seeds=8,
        configs=missing.CONFIGS,
    ),
    "planted": Table(
        planted.planted_run,
        tuple(planted.VARIANTS),
        f"{planted.RECORDS} records of planted waves in noise to train and as many to test, drawn "
        f"anew for each seed; batch {planted.BATCH}, embedded text",
        seeds={
            v: 8 if " 8 leads" in v or " 2 leads; weak 0.4" in v else 3 for v in planted.VARIANTS
        },
        preset="smoke",
    ),
    "ptacl-alignment": Table(
        ptacl.alignment_run,
        tuple(_ALIGNMENT),
        "2048 training and 512 test patients of cohort seed 0, 20 epochs, batch 128, no stage 1",
        configs=_ALIGNMENT,
    ),
    "ptacl-ablation": Table(
        ptacl.ablation_run,
        (*_ABLATION, "PTACL, fine-tuned", "supervised", "random init"),
        "1024 training and 512 test patients of cohort seed 0, 20 epochs for each stage, batch 64",
        configs={name: config for name, (config, _) in _ABLATION.items()},
    ),
    "clinical-transfer": Table(
        clinical.run,
        tuple(clinical.VARIANTS),
        "1024 training and 1024 test patients of cohort seed 0; 12 epochs on pairs, 8 on flags, "
        "10 on all diagnoses or 100 steps on fewer",
    ),
    "scar-missingness": Table(
        scar.missingness_run,
        tuple(scar.MISSINGNESS),
        "1024 training and 512 test patients of cohort seed 0 (white-box: 128 of them), 10 epochs, "
        "batch 64, embedded text",
        configs=scar.MISSINGNESS,
    ),
    "five-methods": Table(
        five_methods.run,
        five_methods.VARIANTS,
        "2048 training and 1024 test patients of cohort seed 0, second site of cohort seed 1, 12 "
        "passes over all stages, batch 64, encoders of 275,000 parameters, embedded text",
        configs=five_methods.CONFIGS,
        preset="full",
    ),
    "real-records": Table(
        real.run,
        real.VARIANTS,
        "small licensed samples of PTB-XL, LUDB and the CinC Challenges (190, 134 and 43 records); "
        "probes and real reports from the training folds of PTB-XL; class preset, embedded text",
        simulated=False,
        ready=lambda: real.folder() is not None,
    ),
}
