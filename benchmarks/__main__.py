"""`python -m benchmarks`: every measurement, one line each; exit code 1 if a target is missed."""

from __future__ import annotations

import platform
import sys

import torch

from benchmarks import (
    clinical,
    evaluation,
    generation,
    masking,
    memory,
    ranks,
    reports,
    speed,
    store,
)
from benchmarks.measure import matrix_rate
from book.build_watch import end_with_make


def main() -> int:
    """Run everything on one thread."""
    end_with_make()
    torch.set_num_threads(1)
    rate = matrix_rate() / 1e9
    print(f"{platform.machine()}, one thread, matrix product {rate:.0f} GFLOP/s, CPU time")
    checks = (
        speed.local_loss,
        speed.wavelet,
        speed.cohort,
        speed.encoder,
        reports.merl_step,
        reports.merl_step_of_eight,
        reports.deri_step_of_eight,
        reports.deri_released_step,
        reports.deri_profile,
        reports.tamer_step,
        reports.by_length,
        reports.remembering,
        reports.token_loss,
        reports.prompts,
        generation.deri_step,
        generation.decoder,
        generation.writing,
        clinical.recurrence,
        clinical.growth,
        clinical.join_memory,
        evaluation.bootstrap,
        masking.masked_attention,
        masking.budget,
        ranks.two_processes,
        ranks.accumulation,
        memory.streaming,
        memory.training,
        store.preparing,
        store.loading,
        store.reading,
        store.ahead,
        store.growth,
    )
    reached = [check() for check in checks]
    return 0 if all(reached) else 1


if __name__ == "__main__":
    sys.exit(main())
