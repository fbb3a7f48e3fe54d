"""Damaged records are named, five at most, and how many there are is said."""

import pytest

from ecglearn.data.store.format import StoreError
from ecglearn.data.store.opening import open_store
from ecglearn.data.store.prepare import prepare
from ecglearn.data.store.verify import check_store
from tests.data import layouts

COUNT = 7


def test_damaged_records_are_counted_and_five_are_named(tmp_path):
    layouts.ptbxl(tmp_path / "in", COUNT)
    prepare("ptbxl-100", tmp_path / "in", tmp_path / "out", workers=1, progress=False)
    signals = tmp_path / "out" / "signals"
    whole = signals.read_bytes()
    size = len(whole) // COUNT
    names = open_store(tmp_path / "out").names
    assert check_store(tmp_path / "out", full=True).names == names
    for damaged, said in (
        ([6], f"in 1 of 7 records ({names[6]}): prepare"),
        (range(5), f"in 5 of 7 records ({', '.join(names[:5])}): prepare"),
        (range(1, 7), f"in 6 of 7 records ({', '.join(names[1:6])} and 1 more): prepare"),
    ):
        content = bytearray(whole)
        for k in damaged:
            content[k * size + 100] ^= 1
        signals.write_bytes(content)
        check_store(tmp_path / "out")
        with pytest.raises(StoreError) as fault:
            check_store(tmp_path / "out", full=True)
        assert said in str(fault.value)
    signals.write_bytes(whole)
    refused = tmp_path / "out" / "refused.csv"
    refused.write_text(refused.read_text() + "x,y\n")
    with pytest.raises(StoreError, match=r"refused\.csv is not what was written"):
        check_store(tmp_path / "out")
    refused.unlink()
    with pytest.raises(StoreError, match=r"refused\.csv cannot be read"):
        check_store(tmp_path / "out")
