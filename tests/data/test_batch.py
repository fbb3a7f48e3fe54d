"""From a cohort to a batch: filtered, standardised, in order, and absent fields stay absent."""

import numpy as np
import pytest
import torch
from jaxtyping import TypeCheckError

from ecglearn.cohort import simulate
from ecglearn.data.batch import ECGBatch
from ecglearn.data.preprocess import clean_ecg
from ecglearn.signals.filters import denoise_wavelet, zscore


@pytest.fixture(scope="module")
def cohort():
    return simulate(24, seed=5)


def test_fields_and_order(cohort):
    whole = ECGBatch.from_cohort(cohort)
    assert whole.ecg.shape == (24, 12, 1000)
    assert whole.ecg.dtype == torch.float32
    some = ECGBatch.from_cohort(cohort, np.array([7, 2]))
    part = whole[torch.tensor([7, 2])]
    for name in ("ecg", "cine", "phenotypes", "findings", "labs", "index"):
        assert torch.equal(
            getattr(some, name).nan_to_num(-1) if name == "labs" else getattr(some, name),
            getattr(part, name).nan_to_num(-1) if name == "labs" else getattr(part, name),
        ), name
    assert part.reports == [cohort.reports[7], cohort.reports[2]]
    assert part.index is not None
    assert part.index.tolist() == [7, 2]
    assert len(whole[3:5]) == 2


def test_standardised_per_record_or_per_lead(cohort):
    record = ECGBatch.from_cohort(cohort).ecg
    assert torch.allclose(record.mean((1, 2)), torch.zeros(24), atol=1e-4)
    assert torch.allclose(record.std((1, 2), unbiased=False), torch.ones(24), atol=1e-3)
    lead = ECGBatch.from_cohort(cohort, per="lead").ecg
    assert torch.allclose(lead.std(2, unbiased=False), torch.ones(24, 12), atol=1e-3)


def test_default_chain_at_500_hertz():
    ecg = simulate(2, seed=5, fs=500).ecg
    assert np.array_equal(clean_ecg(ecg, 500, fs=500), denoise_wavelet(ecg))
    batch = ECGBatch.from_cohort(simulate(2, seed=5, fs=500), per="lead")
    assert np.array_equal(batch.ecg.numpy(), zscore(denoise_wavelet(ecg)))


def test_detected_beats_agree_with_the_true_ones():
    cohort = simulate(24, seed=5)
    detected, true = (ECGBatch.from_cohort(cohort, peaks=p).r_peaks for p in ("detected", "true"))
    assert detected is not None
    assert true is not None
    usual = np.flatnonzero(cohort.findings[:, 0])
    found = total = 0
    for row in usual:
        for beat in true[row][(true[row] > 30) & (true[row] < 970)]:
            total += 1
            found += int(((detected[row] - beat).abs() <= 3).any())
    assert total > 50
    assert found / total > 0.98


def test_absent_fields_stay_absent_and_are_named():
    batch = ECGBatch(ecg=torch.zeros(2, 12, 10), fs=100)
    assert batch[:1].cine is None
    assert batch.to("cpu").reports is None
    with pytest.raises(ValueError, match="needs cine, labs, which the batch of 2 patients"):
        batch.need("ecg", "cine", "labs")


def test_signal_is_checked():
    batch = ECGBatch(ecg=torch.randn(2, 12, 50), fs=100)
    assert batch.signal(100, 40).equal(batch.ecg[..., :40])
    with pytest.raises(ValueError, match="reads 500 Hz and the batch has 100 Hz"):
        batch.signal(500, 40)
    with pytest.raises(
        ValueError, match="records have 50 samples, and this configuration reads 60"
    ):
        batch.signal(100, 60)


@pytest.mark.parametrize(
    ("ecg", "said"),
    [
        (np.zeros((2, 12, 50), np.float32), "ecg is a ndarray: give a tensor"),
        (torch.zeros(12, 50), r"ecg is \(12, 50\) and not .*one record is ecg\[None\]"),
        (torch.zeros(2, 50, 12), "time comes last: transpose the last two"),
        (torch.zeros(2, 8, 50), r"not \(records, 12 leads, time\): name other leads in `leads`"),
    ],
)
def test_a_signal_of_another_kind_or_form_is_refused_in_one_sentence(ecg, said):
    with pytest.raises((ValueError, TypeCheckError), match=f"{said}|ecg"):
        ECGBatch(ecg=ecg, fs=100)
    # the sentence itself, also where shapes are not checked
    plain = object.__new__(ECGBatch)
    object.__setattr__(plain, "ecg", ecg)
    with pytest.raises(ValueError, match=said):
        ECGBatch.__post_init__(plain)


def test_samples_that_are_not_numbers_must_be_marked():
    ecg = torch.zeros(3, 12, 20)
    ecg[1, 4, 5] = torch.nan
    with pytest.raises(ValueError, match=r"r1 has NaN or infinite samples .* \(1 of 3 records\)"):
        ECGBatch(ecg=ecg, fs=100, names=["r0", "r1", "r2"])
    keep = torch.ones(3, 12, 20, dtype=torch.bool)
    keep[1, 4, 5] = False
    assert len(ECGBatch(ecg=ecg, fs=100, keep=keep)) == 3
