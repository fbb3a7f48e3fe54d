"""The embedded report writer spells real reports, and writes for real records."""

import numpy as np
import pandas as pd
import pytest
import torch

from ecglearn.data.batch import ECGBatch
from ecglearn.data.preprocess import clean_ecg
from ecglearn.data.wfdb.record import read_record
from ecglearn.encoders.report_generator import ReportPairs, report_generator
from ecglearn.methods.deri import DERI, DERIConfig
from ecglearn.signals.filters import zscore
from ecglearn.train import fit

pytestmark = pytest.mark.real


def test_every_real_report_is_spelt_as_it_is(real_data):
    rows = pd.read_csv(real_data / "ptbxl-mini" / "ptbxl_database.csv")
    reports = [text for text in rows["report"].fillna("") if text.strip()]
    assert len(reports) > 100
    assert any(not text.isascii() for text in reports)
    tokenizer = report_generator(width=None).tokenizer
    back = tokenizer.batch_decode(tokenizer(reports)["input_ids"])
    assert back == reports


def test_deri_and_writer_learn_from_real_pairs(real_data):
    folder = real_data / "ptbxl-mini"
    rows = pd.read_csv(folder / "ptbxl_database.csv")
    rows = rows[rows["report"].fillna("").str.split().str.len().between(2, 12)].head(24)
    signals = [read_record(folder / f, fs=100).signal[:, :1000] for f in rows["filename_hr"]]
    ecg = zscore(clean_ecg(np.nan_to_num(np.stack(signals)), 100, fs=100), per="record")
    batch = ECGBatch(torch.from_numpy(ecg).float(), fs=100, reports=rows["report"].tolist())
    assert batch.reports is not None
    torch.manual_seed(0)
    method = DERI(DERIConfig.preset("smoke"))
    history = fit(method, batch, epochs=6, batch_size=12, progress=False)
    assert history.curve()[-1] < history.curve()[0]
    writer = report_generator(width=method.config.width)
    told = ReportPairs(method.memory(batch), batch.reports)
    learned = fit(writer, told, epochs=6, batch_size=12, progress=False)
    assert learned.curve()[-1] < 0.8 * learned.curve()[0]
    assert len(writer.generate(told.memory[:3])) == 3
