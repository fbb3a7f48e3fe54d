"""Clinical transfer: three stages, an ECG-only model at the end, and what the cohort allows."""

import copy
import inspect
from dataclasses import replace

import numpy as np
import pytest
import torch

from ecglearn.cohort import simulate
from ecglearn.data.batch import ECGBatch
from ecglearn.data.clinical.schema import TABLE_COLUMNS, lab_flags
from ecglearn.evaluate import gap_closed, linear_probe_r2, mean_auroc
from ecglearn.methods.clinical_transfer import (
    ClinicalTransfer,
    ClinicalTransferConfig,
    JointEmbedding,
    LabStage,
    Reference,
)
from ecglearn.train import fit
from ecglearn.train.step import only

SMOKE = ClinicalTransferConfig.preset("smoke")


def make(config=SMOKE, seed=0):
    torch.manual_seed(seed)
    return ClinicalTransfer(config)


def joint(method, batch):
    stage = JointEmbedding(method)
    stage.table.scaler.fit(batch.table[:, : method.config.columns])
    return stage


def train(stage, batch, epochs=1, **settings):
    return fit(stage, batch, epochs=epochs, batch_size=16, progress=False, **settings)


def weights(module):
    return {name: value.clone() for name, value in module.state_dict().items()}


@pytest.fixture(scope="module")
def crowd():
    return replace(ECGBatch.from_cohort(simulate(768, seed=1)), cine=None)


def test_presets():
    paper = ClinicalTransferConfig.preset("paper")
    assert paper == ClinicalTransferConfig()
    assert (paper.width, paper.layers, paper.projector[-1]) == (512, 4, 2048)
    assert (paper.columns, paper.categories, paper.diagnoses) == (58, (2, 5, 5), 1428)
    with pytest.raises(ValueError, match="has the presets paper, class, smoke, not 'large'"):
        ClinicalTransferConfig.preset("large")


def test_paper_size_runs_through_every_stage():
    config = replace(ClinicalTransferConfig(), crop=50)
    generator = torch.Generator().manual_seed(0)
    table = torch.cat([torch.randn(4, 58, generator=generator), torch.ones(4, 3)], 1)
    batch = ECGBatch(
        ecg=torch.randn(4, 12, 1000), fs=100, table=table, diagnoses=torch.rand(4, 1428) < 0.1
    )
    stage = joint(make(config), batch)
    assert stage.correlation(batch).shape == (2048, 2048)
    assert bool(make(replace(config, lab_weight=0.0))(batch)["diagnosis"].isfinite())


def test_joint_loss_is_barlow_twins_over_dimensions(patients):
    stage = joint(make(), patients).eval()
    c = stage.correlation(patients)
    e = SMOKE.projector[-1]
    by_hand = sum((1 - c[i, i]) ** 2 for i in range(e)) + SMOKE.redundancy * sum(
        c[i, j] ** 2 for i in range(e) for j in range(e) if i != j
    )
    torch.testing.assert_close(stage.losses(patients)["joint"], by_hand / e)


def test_joint_loss_reaches_both_sides_and_no_head(patients):
    stage = joint(make(), patients)
    with only(stage.objectives(), stage):
        stage.losses(patients, torch.Generator().manual_seed(0))["joint"].backward()
    for name, p in stage.named_parameters():
        if "_head." in name:
            assert p.grad is None
        else:
            assert p.grad is not None, name
            assert bool(p.grad.isfinite().all()), name


def test_joint_stage_reads_no_label(patients):
    bare = replace(
        patients, diagnoses=None, labs=None, findings=None, phenotypes=None, reports=None
    )
    stage = joint(make(), patients).eval()
    torch.testing.assert_close(stage.losses(bare), stage.losses(patients))


def test_stages_hand_over_exactly_and_touch_only_what_they_train(patients):
    method = make()
    before = weights(method)
    train(joint(method, patients), patients)
    after_first = weights(method)
    for name, value in after_first.items():
        assert torch.equal(value, before[name]) == ("_head." in name), name
    stage = LabStage(method)
    assert all(torch.equal(value, after_first[n]) for n, value in weights(stage.method).items())
    train(stage, patients)
    after_second = weights(method)
    changed = {
        n.split(".")[0] for n, v in after_second.items() if not torch.equal(v, after_first[n])
    }
    assert changed == {"ecg_encoder", "lab_head"}
    train(method, patients)
    changed = {
        n.split(".")[0] for n, v in weights(method).items() if not torch.equal(v, after_second[n])
    }
    assert changed == {"ecg_encoder", "lab_head", "diagnosis_head"}


def test_frozen_encoder_stays_bit_for_bit(patients):
    method = make()
    train(method, patients)
    before = weights(method)
    train(LabStage(method, frozen=True), patients)
    changed = {n for n, value in weights(method).items() if not torch.equal(value, before[n])}
    assert changed == {"lab_head.weight", "lab_head.bias"}


def test_both_readings_of_the_order(patients):
    labs_first = make()
    assert [name for name, _ in labs_first.stages()] == ["joint", "labs", "diagnosis"]
    other = make(replace(SMOKE, order="diagnosis first"))
    assert [name for name, _ in other.stages()] == ["joint", "diagnosis", "labs"]
    assert other.losses(patients).keys() == {"diagnosis"}
    assert labs_first.losses(patients).keys() == {"diagnosis", "labs"}
    seen = []
    for name, stage in other.stages():
        if isinstance(stage, JointEmbedding):
            stage.table.scaler.fit(patients.table[:, :10])
        before = weights(other)
        train(stage, patients)
        after = weights(other)
        seen.append(
            (name, {n.split(".")[0] for n in after if not torch.equal(after[n], before[n])})
        )
    assert seen == [
        ("joint", {"ecg_encoder"}),
        ("diagnosis", {"ecg_encoder", "diagnosis_head"}),
        ("labs", {"lab_head"}),
    ]
    with pytest.raises(ValueError, match="order must be one of labs first, diagnosis first"):
        replace(SMOKE, order="both")


def test_slow_is_a_share_of_the_learning_rate(patients):
    found = make(replace(SMOKE, slow=0.25)).objectives()
    assert [one.lr_scale for one in found] == [1.0, 0.25]
    assert len(make(replace(SMOKE, slow=0.0)).objectives()) == 1


def test_without_laboratory_weight_no_laboratory_is_needed(patients):
    method = make(replace(SMOKE, lab_weight=0.0))
    assert method.losses(replace(patients, labs=None)).keys() == {"diagnosis"}
    with pytest.raises(ValueError, match="needs labs"):
        make().losses(replace(patients, labs=None))


def test_inference_reads_the_ecg_alone(patients):
    method = make().eval()
    assert list(inspect.signature(method.predict).parameters) == ["batch"]
    diagnoses, labs = method.predict(patients)
    assert patients.table is not None
    for table in (
        torch.full_like(patients.table, torch.nan),
        torch.rand_like(patients.table),
        None,
    ):
        other = method.predict(replace(patients, table=table, labs=None, diagnoses=None))
        assert torch.equal(other[0], diagnoses)
        assert torch.equal(other[1], labs)
    assert diagnoses.shape == (48, 9)
    assert labs.shape == (48, 18)
    assert bool(((diagnoses > 0) & (diagnoses < 1)).all())


def test_what_is_kept_has_no_part_of_the_table(patients):
    method = make()
    train(joint(method, patients), patients)
    kept = {name.split(".")[0] for name in method.state_dict()}
    assert kept == {"ecg_encoder", "lab_head", "diagnosis_head"}
    count = sum(p.numel() for p in method.parameters())
    assert count == sum(p.numel() for p in make(replace(SMOKE, lab_weight=0.0)).parameters())


def test_prediction_is_the_mean_over_crops(patients):
    method = make().eval()
    crops = SMOKE.samples // SMOKE.crop
    by_hand = torch.stack(
        [
            method.diagnosis_head(method.ecg_encoder(part)).sigmoid()
            for part in patients.ecg.split(SMOKE.crop, 2)
        ]
    )
    assert len(by_hand) == crops == 4
    torch.testing.assert_close(method.predict(patients)[0], by_hand.mean(0), atol=1e-6, rtol=0)
    twice = replace(patients, ecg=torch.cat([patients.ecg, patients.ecg], 2))
    longer = make(replace(SMOKE, samples=2000)).eval()
    torch.testing.assert_close(
        longer.predict(twice)[0], method.predict(patients)[0], atol=1e-6, rtol=0
    )
    torch.testing.assert_close(
        method.predict(patients[slice(3, 5)])[0], method.predict(patients)[0][3:5]
    )


def test_embedding_is_the_mean_over_crops_and_leaves_the_mode(patients):
    method = make().train()
    z = method.embed(patients)
    assert method.training
    method.eval()
    by_hand = torch.stack([method.ecg_encoder(x) for x in patients.ecg.split(SMOKE.crop, 2)]).mean(
        0
    )
    torch.testing.assert_close(z, by_hand, atol=1e-6, rtol=0)


def test_hidden_numbers_are_those_of_the_seed(patients):
    stage = joint(make(replace(SMOKE, hide=0.5, dropout=0.0, table_dropout=(0.0, 0.0))), patients)
    one, again, other = (
        float(stage.losses(patients, torch.Generator().manual_seed(k))["joint"].detach())
        for k in (0, 0, 1)
    )
    assert one == again != other


def test_references_need_their_table(patients):
    for ecg in (False, True):
        torch.manual_seed(0)
        model = Reference(SMOKE, ecg=ecg)
        model.table.scaler.fit(patients.table[:, :10])
        train(model, patients)
        scores = model.predict(patients)
        assert scores.shape == (48, 9)
        with pytest.raises(ValueError, match="needs table"):
            model.predict(replace(patients, table=None))
        other = replace(patients, table=patients.table.flip(0))
        assert not torch.equal(model.predict(other), scores)
        noise = replace(patients, ecg=torch.randn_like(patients.ecg))
        assert torch.equal(model.predict(noise), scores) != ecg


def test_joint_embedding_teaches_what_the_table_says(crowd):
    """Heart rate and sex are easier to read from the features than from a random encoder."""
    train_part, test_part = crowd[slice(0, 512)], crowd[slice(512, None)]
    columns = [[c.name for c in TABLE_COLUMNS].index("heart_rate"), -1]
    sizes = replace(SMOKE, width=32, layers=2)

    def readable(method):
        parts = [
            (method.embed(p).double(), p.table[:, columns].double())
            for p in (train_part, test_part)
        ]
        return float(linear_probe_r2(*parts[0], *parts[1]).mean())

    random = readable(make(sizes))
    method = make(sizes)
    fit(joint(method, train_part), train_part, epochs=12, batch_size=64, progress=False)
    assert readable(method) > random + 0.03


def test_diagnoses_are_learned_and_a_strangers_ecg_teaches_nothing(crowd):
    strangers = ECGBatch.from_cohort(simulate(768, seed=1, coupled=False))
    values = {}
    for name, batch in (("own", crowd), ("stranger", replace(strangers, cine=None))):
        method = make(replace(SMOKE, lab_weight=0.0, slow=1.0))
        fit(method, batch[slice(0, 512)], epochs=6, batch_size=32, progress=False)
        part = batch[slice(512, None)]
        assert part.diagnoses is not None
        values[name] = mean_auroc(part.diagnoses.numpy(), method.predict(part)[0].numpy())
    assert values["own"] > 0.6
    assert abs(values["stranger"] - 0.5) < 0.06


def test_laboratory_head_learns_and_ignores_gaps(crowd):
    method = make(replace(SMOKE, slow=1.0))
    before = mean_auroc(lab_flags(crowd.labs).numpy(), method.predict(crowd)[1].numpy())
    fit(LabStage(method), crowd, epochs=6, batch_size=32, progress=False)
    after = mean_auroc(lab_flags(crowd.labs).numpy(), method.predict(crowd)[1].numpy())
    assert after > before + 0.02
    silent = replace(crowd[slice(0, 16)], labs=torch.full((16, 9), torch.nan))
    stage = LabStage(copy.deepcopy(method))
    loss = stage.losses(silent)["labs"]
    loss.backward()
    assert float(loss.detach()) == 0
    assert all(bool(p.grad.isfinite().all()) for p in stage.parameters() if p.grad is not None)


def test_gap_closed():
    rng = np.random.default_rng(0)
    y = (rng.random((400, 3)) < 0.3).astype(float)
    low, middle, high = (y + s * rng.normal(size=y.shape) for s in (3.0, 1.5, 0.7))
    assert gap_closed(low, low, high, y) == (0, 0, 0)
    assert gap_closed(high, low, high, y) == (1, 1, 1)
    found = gap_closed(middle, low, high, y)
    a = [mean_auroc(y, s) for s in (low, middle, high)]
    assert found.value == pytest.approx((a[1] - a[0]) / (a[2] - a[0]))
    assert 0 < found.low < found.value < found.high < 1
    assert np.isnan(gap_closed(middle, low, low, y)).all()


def test_bad_batches(patients):
    with pytest.raises(ValueError, match="reads 100 Hz and the batch has 500 Hz"):
        make().predict(replace(patients, fs=500))
    with pytest.raises(ValueError, match="needs diagnoses"):
        make().losses(replace(patients, diagnoses=None))
    with pytest.raises(ValueError, match="needs table"):
        joint(make(), patients).losses(replace(patients, table=None))
    with pytest.raises(ValueError, match="fit the table scaler on training patients first"):
        JointEmbedding(make()).losses(patients)
