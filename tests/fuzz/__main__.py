"""`python -m tests.fuzz`: every part, and the table of classes; exit code 1 if one goes wrong."""

from __future__ import annotations

import argparse
import resource
import sys

from tests.fuzz.files import tally_files
from tests.fuzz.outcome import Tally
from tests.fuzz.records import tally_records

#: Name, how many inputs unless told otherwise, and what reads and counts them (number, seed).
PARTS = (("records", 20_000, tally_records), ("files", 800, tally_files))
ROOM = 3 * 2**30  # bytes of address space beyond what is taken at the start


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, help="of each part")
    parser.add_argument("--seed", type=int, default=0, help="another gives other inputs")
    parser.add_argument("--part", choices=[name for name, *_ in PARTS], help="only this one")
    given = parser.parse_args()
    with open("/proc/self/statm") as file:  # noqa: PTH123
        taken = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + ROOM, taken + ROOM))
    bad = 0
    for name, usual, count in PARTS:
        if given.part in (None, name):
            tally: Tally = count(given.inputs or usual, given.seed)
            print(tally, flush=True)
            bad += tally.bad
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
