"""The SCAR-style method: the fourteen properties of its note, presets, resuming, bad input.

Property 4 is in tests/encoders, property 12 in tests/evaluate, property 14 in tests/signals too.
"""

import math
from dataclasses import replace

import pytest
import torch
from torch.nn.functional import normalize

from ecglearn.losses.contrastive import info_nce
from ecglearn.losses.relevance import relevance, relevance_weights
from ecglearn.methods.scar import SCAR, SCARConfig
from ecglearn.signals.missing import LEVELS, draw_missing, keep_samples, missing_share
from ecglearn.train import fit
from ecglearn.train.optim import optimiser
from results.arenas.planted import CLASSES, CONFIG, planted, two_findings

SMOKE = SCARConfig.preset("smoke")


def make(config=SMOKE, **changes):
    torch.manual_seed(0)
    return SCAR(replace(config, **changes))


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def random_keep(n, segments=4, seed=0):
    return draw_missing(n, **LEVELS["moderate"], segments=segments, generator=generator(seed))


@pytest.fixture(scope="module")
def trained():
    """On planted records: a model of full inputs, and the whole method."""
    train = planted(512).batch
    models = {}
    for name, config in {
        "full": replace(CONFIG, mask="none", selector="learned"),
        "scar": CONFIG,
        "supervised": replace(CONFIG, mask="leads"),
    }.items():
        models[name] = make(config)
        fit(models[name], train, epochs=19, batch_size=64, lr=3e-3, progress=False)
    return models


@pytest.fixture(scope="module")
def records():
    return planted(400, seed=1)


# 1 and 2


def test_a_batch_without_a_visible_token_teaches_the_selector_nothing(patients):
    terms = make(budget=(1.0, 1.0), curriculum=False).losses(patients[:8])
    assert float(terms["selector"].detach()) == 0
    assert all(bool(term.isfinite()) for term in terms.values())


def test_no_leak_from_removed_tokens(patients):
    method = make().eval()
    keep = random_keep(48)
    seen = keep_samples(keep, 1000)
    x = patients.ecg
    with torch.no_grad():
        before = method.ecg_encoder(x, keep)
        for poison in (1e-3, 1e3, 1e8, math.nan, math.inf):
            after = method.ecg_encoder(x.where(seen, poison), keep)
            assert torch.equal(after.z, before.z)
            assert torch.equal(after.alpha, before.alpha)
    hidden = replace(patients, ecg=x.where(seen, math.nan), keep=seen)
    torch.testing.assert_close(method.embed(hidden), before.z, atol=1e-6, rtol=1e-5)


def test_no_leak_in_the_step_of_the_masker(patients):
    """There removed tokens are computed, so that there is a gradient, but still not felt."""
    method = make().eval()
    keep = random_keep(48)
    x = patients.ecg
    poisoned = x.where(keep_samples(keep, 1000), 100 * torch.randn(x.shape, generator=generator()))
    weights = keep.flatten(1).float()
    with torch.no_grad():
        views = [
            method.ecg_encoder.encode(
                method.ecg_encoder.tokenise(signal, keep, blank=False), weights
            )
            for signal in (x, poisoned)
        ]
        plain = method.ecg_encoder(x, keep)
    torch.testing.assert_close(views[0].z, views[1].z, atol=1e-6, rtol=1e-6)
    torch.testing.assert_close(views[0].z, plain.z, atol=1e-5, rtol=1e-5)


def test_everything_kept_and_nothing_kept(patients):
    method = make().eval()
    whole = torch.ones(48, 12, 4, dtype=torch.bool)
    with torch.no_grad():
        torch.testing.assert_close(
            method.ecg_encoder(patients.ecg, whole).z, method.ecg_encoder(patients.ecg).z
        )
        tokens = method.ecg_encoder.tokenise(patients.ecg, whole)
        first = method.ecg_encoder.null.expand(48, -1, -1)
        plain = method.ecg_encoder.blocks(torch.cat([first, tokens], 1))[:, 1:]
        torch.testing.assert_close(method.ecg_encoder(patients.ecg).tokens, plain)
        nothing = method.ecg_encoder(patients.ecg, ~whole)
    assert nothing.z.isfinite().all()
    assert torch.equal(nothing.z, nothing.z[:1].expand_as(nothing.z))
    assert (nothing.alpha == 0).all()


# 3


def test_alpha_of_a_record(patients):
    method = make().eval()
    keep = random_keep(48)
    with torch.no_grad():
        alpha = method.encode(patients, keep).alpha
    assert (alpha >= 0).all()
    torch.testing.assert_close(alpha.sum(1), torch.ones(48))
    assert (alpha[~keep.flatten(1)] == 0).all()
    even = make(selector="mean").eval()
    with torch.no_grad():
        alpha = even.encode(patients, keep).alpha
    torch.testing.assert_close(alpha, keep.flatten(1) / keep.flatten(1).sum(1, keepdim=True))


def test_token_shares_add_up_to_the_similarity(patients):
    """Because the last layer is linear: P o . t = sum_j alpha_j (P h_j . t) + a constant."""
    method = make().eval()
    with torch.no_grad():
        found = method.encode(patients)
        text = method.embed_text(["sinus rhythm"])[0]
        shares = found.alpha * (method.ecg_encoder.project(found.tokens) @ text)
        rest = found.z @ text - shares.sum(1)
        first = method.ecg_encoder.null.expand(48, -1, -1)
        keep = torch.ones(48, 12, 4, dtype=torch.bool)
        tokens = method.ecg_encoder.tokenise(patients.ecg, keep)
        null = method.ecg_encoder.blocks(torch.cat([first, tokens], 1))[:, 0]
    torch.testing.assert_close(rest, method.ecg_encoder.project(null) @ text, atol=1e-4, rtol=1e-4)


# 5


def test_each_step_moves_its_own_side_in_its_own_direction(patients):
    config = replace(SMOKE, curriculum=False)
    changes = {"encoder": [], "masker": []}
    for seed in range(6):
        torch.manual_seed(seed)
        method = SCAR(config)
        assert method.masker is not None
        sides = {
            "encoder": [*method.ecg_encoder.parameters(), *method.text.parameters()],
            "masker": list(method.masker.parameters()),
        }
        entries = dict(zip(sides, method.objectives(), strict=True))

        def masked_loss(method=method):
            with torch.no_grad():
                return -float(method.masker_losses(patients)["masker"])

        turns: tuple[tuple[str, str], ...] = (("encoder", "masker"), ("masker", "encoder"))
        for side, other in turns:
            before = [p.detach().clone() for p in sides[other]]
            own = [p.detach().clone() for p in sides[side]]
            loss = masked_loss()
            optimiser = torch.optim.Adam(sides[side], lr=1e-3)
            terms = entries[side].losses(patients, None)
            total = terms["missing"] if side == "encoder" else terms["masker"]
            optimiser.zero_grad()
            for p in sides[other]:
                p.grad = None
            total.backward()
            assert all(p.grad is None or not p.grad.any() for p in sides[other])
            optimiser.step()
            assert all(torch.equal(a, b) for a, b in zip(before, sides[other], strict=True))
            assert any(not torch.equal(a, b) for a, b in zip(own, sides[side], strict=True))
            changes[side].append(masked_loss() - loss)
            assert all(p.requires_grad for p in method.parameters())
    assert sum(changes["encoder"]) < 0
    assert sum(changes["masker"]) >= -1e-6 * 6


# 6 and 7


def margin(method, records, keep):
    """Mean cosine with the own class minus the mean with the others."""
    view = replace(records.batch, keep=keep_samples(keep, 200))
    texts = normalize(method.embed_text(list(CLASSES)), dim=1)
    cosine = normalize(method.embed(view), dim=1) @ texts.T
    own = torch.eye(6, dtype=torch.bool)[records.kind]
    return float((cosine[own] - cosine[~own].view(-1, 5).mean(1)).mean())


def mask_of(method, batch):
    x, there = method.read(batch)
    with torch.no_grad():
        return method.kept_by_masker(x, there, method.embed_text(batch.reports))


def test_masker_finds_the_evidence_of_a_frozen_encoder(trained, records):
    train = planted(512).batch
    method = make(CONFIG)
    method.load_state_dict(trained["full"].state_dict(), strict=False)
    assert method.masker is not None
    frozen = {n: p.clone() for n, p in method.ecg_encoder.named_parameters()}
    optimiser = torch.optim.Adam(method.masker.parameters(), lr=5e-3)
    for number in range(80):
        rows = torch.randint(512, (64,), generator=generator(number))
        loss = method.masker_losses(train[rows], generator(number))["masker"]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert all(torch.equal(p, frozen[n]) for n, p in method.ecg_encoder.named_parameters())
    method.eval()
    keep = mask_of(method, records.batch)
    hits = float((~keep)[:, records.primary].float().mean())
    assert hits >= 3 * 8 / 48
    whole = margin(method, records, torch.ones_like(keep))
    chance = torch.rand(400, 48, generator=generator()).argsort(1).argsort(1).view(400, 12, 4) >= 8
    by_masker, by_chance = (whole - margin(method, records, k) for k in (keep, chance))
    assert by_masker >= 3 * by_chance > 0


def test_the_report_tells_the_masker_which_finding_is_meant():
    train, _ = two_findings(768)
    test, named = two_findings(300, seed=1)
    method = make(CONFIG)
    fit(method, train, epochs=14, batch_size=64, lr=3e-3, progress=False)
    method.eval()
    hits = []
    assert test.reports is not None
    for batch in (test, replace(test, reports=[*test.reports[1:], test.reports[0]])):
        hits.append(float((~mask_of(method, batch))[named].float().mean()))
    assert hits[0] > 2 * 8 / 48
    assert hits[0] > 1.5 * hits[1]


# 8 and 9


def test_teacher_compensates(trained, records):
    method = trained["supervised"].eval()
    keep = torch.ones(400, 12, 4, dtype=torch.bool)
    kept = keep & ~records.primary
    mass = []
    with torch.no_grad():
        texts = method.embed_text(records.batch.reports)
        own = records.kind[:, None] == records.kind
        for visible in (keep, kept):
            found = method.encode(records.batch, visible)
            r = relevance(method.ecg_encoder.project(found.tokens), texts, own)
            weights = relevance_weights(r, visible.flatten(1), temperature=0.1)
            mass.append(float(weights[:, records.secondary.flatten()].sum(1).mean()))
    assert mass[1] > 1.3 * mass[0]


def test_selector_loss_does_not_teach_the_text(patients):
    method = make()
    terms = method.losses(patients, generator())
    names = [n for n, _ in method.named_parameters()]
    sent = torch.autograd.grad(
        terms["selector"], list(method.parameters()), allow_unused=True, retain_graph=True
    )
    reached = {n for n, g in zip(names, sent, strict=True) if g is not None and bool(g.any())}
    assert not any(n.startswith(("text", "masker", "ecg_encoder.project")) for n in reached)
    assert "ecg_encoder.weigh.0.weight" in reached


def test_masker_loss_reaches_the_masker_only(patients):
    method = make()
    names = [n for n, _ in method.named_parameters()]
    loss = method.masker_losses(patients, generator())["masker"]
    sent = torch.autograd.grad(loss, list(method.parameters()), allow_unused=True)
    assert {n.split(".")[0] for n, g in zip(names, sent, strict=True) if g is not None} == {
        "masker"
    }


# 10


def test_order_of_records_and_of_leads(patients):
    method = make().eval()
    keep = random_keep(48)
    order = torch.randperm(48, generator=generator())
    with torch.no_grad():
        z = method.encode(patients, keep).z
        turned = method.encode(patients[order], keep[order]).z
        torch.testing.assert_close(turned, z[order], atol=1e-5, rtol=1e-5)
        leads = torch.randperm(12, generator=generator(1))
        other = replace(patients, ecg=patients.ecg[:, leads])
        assert not torch.allclose(method.encode(other, keep[:, leads]).z, z)
        method.ecg_encoder.lead.copy_(method.ecg_encoder.lead[leads].clone())
        moved = method.encode(other, keep[:, leads]).z
    torch.testing.assert_close(moved, z, atol=1e-5, rtol=1e-5)


# 11


def test_inference_needs_neither_text_nor_masker(patients, monkeypatch):
    method = make().eval()
    inference = method.ecg_encoder.state_dict()
    assert not any("mask" in name or "text" in name for name in inference)
    monkeypatch.setattr(type(method.text), "encode", None)
    z = method.embed(replace(patients, reports=None))
    alone = make(mask="none")
    alone.ecg_encoder.load_state_dict(inference)
    assert torch.equal(alone.embed(patients), z)


# 13


def test_duplicates_are_no_negatives(patients):
    method = make(mask="none", selector="learned").eval()
    few = patients[:12]
    twice = replace(
        few,
        ecg=torch.cat([few.ecg, few.ecg[:1]]),
        reports=[*few.reports, few.reports[0]],
        cine=None,
        r_peaks=None,
        phenotypes=None,
        findings=None,
        labs=None,
        table=None,
        diagnoses=None,
        index=None,
    )
    with torch.no_grad():
        loss = float(method.losses(twice)["full"])
        z, texts = method.encode(twice).z, method.embed_text(twice.reports)
        naive = float(info_nce(z, texts, temperature=method.config.temperature))
    assert math.isfinite(loss)
    assert loss < naive


# 14


def test_masks_of_training_have_the_stated_shares(patients):
    method = make(mix=(0.0, 1.0, 0.0))
    shares = set(missing_share(method.hide(patients, generator())).tolist())
    assert shares == {0.4375, 0.75, 0.875}
    random = make(mask="random", curriculum=False, mix=(1.0, 0.0, 0.0))
    assert set(missing_share(random.hide(patients, generator())).tolist()) == {0.5}
    masker = make(curriculum=False, mix=(1.0, 0.0, 0.0))
    assert set(missing_share(masker.hide(patients, generator())).tolist()) == {0.5}
    assert make(mask="none").hide(patients, generator()).all()
    assert make(mix=(0.0, 0.0, 1.0)).hide(patients, generator()).all()
    leads = make(mask="leads").hide(patients, generator())
    assert torch.equal(leads.any(-1), leads.all(-1))


def test_what_is_missing_is_not_hidden_twice(patients):
    keep = torch.ones(48, 12, 4, dtype=torch.bool)
    keep[:, :6] = False
    half = replace(patients, keep=keep_samples(keep, 1000))
    left = make(curriculum=False, mix=(1.0, 0.0, 0.0)).hide(half, generator())
    assert not left[:, :6].any()
    assert (left[:, 6:].sum((1, 2)) == 12).all()


# curriculum, training, resuming


def test_curriculum_follows_the_step_that_it_is_given(patients):
    method = make(horizon=10)
    assert method.curriculum(0) == (0.1, False)
    before = {name: value.clone() for name, value in method.state_dict().items()}
    method.train().losses(patients, generator(), step=3)
    assert all(torch.equal(value, before[name]) for name, value in method.state_dict().items())
    assert method.curriculum(0) == (0.1, False)
    for step in range(1, 11):
        share, adversarial = method.curriculum(step)
        assert share == pytest.approx(0.1 + 0.4 * min(step / 5, 1))
        assert adversarial == (step >= 1.5)
    assert method.curriculum() == (0.5, True)
    assert make(curriculum=False).curriculum(0) == (0.5, True)


def test_curriculum_is_spread_over_the_run(patients):
    """Its length comes from data, epochs and batch, unless the configuration says another."""
    method = make()
    with pytest.raises(ValueError, match="how long training is"):
        method.curriculum(1)
    fit(method, patients, epochs=4, batch_size=16, progress=False)
    assert method.horizon == 4 * 3
    fit(method, patients, epochs=2, batch_size=8, progress=False)
    assert method.horizon == 2 * 6
    fixed = make(horizon=5)
    fit(fixed, patients, epochs=1, batch_size=16, progress=False)
    assert fixed.horizon == 5


def test_same_seed_same_weights_and_resuming_is_exact(patients, tmp_path):
    def run(**more):
        method = make()
        history = fit(method, patients, epochs=4, batch_size=16, progress=False, **more)
        return method, history

    whole, history = run()
    again, _ = run()

    def stop(epoch):
        if epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(out=tmp_path, after_epoch=stop)
    resumed, later = run(out=tmp_path, resume=True)
    assert later == history
    assert later.steps == 12
    for other in (again, resumed):
        for name, value in whole.state_dict().items():
            assert torch.equal(value, other.state_dict()[name]), name
    assert set(history.epochs[0]) == {"epoch", "full", "missing", "selector", "masker", "total"}


def test_robust_to_missing_evidence(trained, records):
    """Trained with whole leads hidden, the weak signs are known; trained on full inputs, less."""
    without = (~records.primary).expand(400, -1, -1)
    full, leads = (margin(trained[n].eval(), records, without) for n in ("full", "supervised"))
    assert leads > full
    everything = torch.ones(400, 12, 4, dtype=torch.bool)
    assert margin(trained["scar"].eval(), records, everything) > 0.5


def test_masker_has_its_own_rate_and_no_decay():
    method = make()
    aligned, masker = method.objectives()
    first, second = (
        optimiser([g], method, 1e-3, 0.05, (0.9, 0.95)).param_groups for g in (aligned, masker)
    )
    assert {g["lr"] for g in first} == {1e-3}
    assert {g["lr"] for g in second} == {2e-3}
    assert {g["weight_decay"] for g in first} == {0.05, 0.0}
    assert {g["weight_decay"] for g in second} == {0.0}


# presets and bad input


def test_presets():
    assert SCARConfig.preset("paper") == SCARConfig()
    assert SCARConfig().samples // SCARConfig().patch * 12 == 480
    laptop = SCARConfig.preset("class")
    assert (laptop.fs, laptop.samples // laptop.patch) == (100, 4)
    with pytest.raises(ValueError, match="paper, class, smoke"):
        SCARConfig.preset("huge")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mask": "most"}, "mask"),
        ({"selector": "best"}, "selector"),
        ({"budget": (0.1, 1.5)}, "budgets are shares"),
        ({"budget": (-0.1, 0.5)}, "budgets are shares"),
        ({"mix": (0.5, 0.5, 0.5)}, "add up to 1"),
        ({"mix": (-0.5, 0.5, 1.0)}, "add up to 1"),
    ],
)
def test_configurations_that_make_no_sense(change, message):
    with pytest.raises((ValueError, TypeError), match=message):
        SCARConfig(**change)


def test_bad_input(patients):
    method = make()
    nan = patients.ecg.clone()
    nan[3, 4, 5] = math.nan
    with pytest.raises(
        ValueError,
        match="row 3 of 48 records read together has NaN or infinite samples "
        r"that count as observed \(1 of 48",
    ):
        method.embed(replace(patients, ecg=nan))
    keep = torch.ones_like(nan, dtype=torch.bool)
    keep[3, 4, 5] = False
    assert method.embed(replace(patients, ecg=nan, keep=keep)).isfinite().all()
    keep[7] = False
    with pytest.raises(ValueError, match="row 7 of 32 records read together has no observed token"):
        method.embed(replace(patients, ecg=nan, keep=keep))
    keep[7], keep[40] = True, False
    named = replace(patients, ecg=patients.ecg, keep=keep, names=[f"r{k}" for k in range(48)])
    with pytest.raises(ValueError, match="r40 has no observed token"):
        method.embed(named)
    small = replace(patients)
    object.__setattr__(small, "keep", torch.ones(48, 12, 4, dtype=torch.bool))
    with pytest.raises(ValueError, match="keep map of the batch is"):
        method.read(small)
    with pytest.raises(ValueError, match="keep map is"):
        method.encode(patients, torch.ones(48, 12, 7, dtype=torch.bool))
    with pytest.raises(ValueError, match="needs reports"):
        method.losses(replace(patients, reports=None))
    x, there = method.read(patients)
    with pytest.raises(ValueError, match="has no masker"):
        make(mask="none").scores(x, there, torch.zeros(48, 32))
    with pytest.raises(ValueError, match="reads 100 Hz"):
        method.embed(replace(patients, fs=500))
