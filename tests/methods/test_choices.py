"""Every choice that a configuration offers is switched on once, and changes what is computed."""

from dataclasses import fields, replace
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
import torch
from torch import Generator

from ecglearn.data.batch import ECGBatch
from ecglearn.errors import InputError
from ecglearn.registry import create, list_methods, method_class
from ecglearn.train.step import turns

# numbers that a smoke preset leaves at "off", switched on
NUMBERS: dict[str, list[dict[str, Any]]] = {
    "ptacl": [{"sigma": 0.1}, {"layer_scale": 1e-2}, {"frozen_layers": 1}, {"beta": 0.0}],
    "deri": [{"drop_path": 0.5}, {"separator_std": 0.3}, {"rec_text": 0.0}],
    "merl": [{"dropout": 0.4}],
    "tamer": [{"dropout": 0.4}, {"ecg_tokens": 5}, {"rlca": 0.0}],
    "scar": [{"stem": None}, {"supervision": 0.0}, {"missing": 0.0}, {"horizon": 7}],
    "clinical-transfer": [{"slow": 0.1}, {"hide": 0.0}, {"lab_weight": 0.9}],
}
# a choice that shows only where another one is made
WITH = {("ptacl", "distance"): {"sigma": 0.1}}


def choices() -> list[tuple[str, dict[str, Any]]]:
    """Each other value of each switch, one at a time."""
    found = []
    for name in list_methods():
        config = method_class(name).config_class
        hints, smoke = get_type_hints(config), config.preset("smoke")
        for field in fields(config):
            if field.name == "preprocess":  # of the batch: below
                continue
            kind, now = hints[field.name], getattr(smoke, field.name)
            values = get_args(kind) if get_origin(kind) is Literal else (False, True)
            if kind is bool or get_origin(kind) is Literal:
                found += [(name, {field.name: other}) for other in values if other != now]
        found += [(name, change) for change in NUMBERS[name]]
    return found


def computed(name: str, changes: dict[str, Any], batch: ECGBatch) -> dict[str, torch.Tensor]:
    """First losses of every stage in training, with their gradients; and the vectors."""
    torch.manual_seed(0)
    method = create(name, "smoke", **changes)
    found = {}
    for part, stage in method.stages():
        stage.train()
        stage.setup(batch, 20)
        for turn in turns(stage):
            torch.manual_seed(1)
            terms = turn[0].losses(batch, Generator().manual_seed(2), 3)
            whole = torch.stack(list(terms.values())).sum()
            parameters = [p for one in turn for p in one.parameters if p.requires_grad]
            grown = torch.autograd.grad(whole, parameters, allow_unused=True)
            size = [g.norm() for g in grown if g is not None]
            found |= {f"{part}/{term}": value.detach() for term, value in terms.items()}
            found[f"{part}/{len(found)} gradient"] = torch.stack(size)
            rates = [one.lr_scale for one in turn]
            found[f"{part}/{len(found)} rates"] = torch.tensor(rates)
    found["vectors"] = method.eval().embed(batch)
    return found


@pytest.fixture(scope="module")
def batch(patients):
    part = patients[:16]
    assert part.reports is not None
    reports = [*part.reports[:-1], part.reports[0]]  # two say the same
    return replace(part, reports=reports)


@pytest.fixture(scope="module")
def smoke(batch):
    return {name: computed(name, {}, batch) for name in list_methods()}


@pytest.mark.parametrize(("name", "change"), choices(), ids=str)
def test_a_choice_changes_something_and_breaks_nothing(name, change, batch, smoke):
    other = WITH.get((name, next(iter(change))), {})
    reference = computed(name, other, batch) if other else smoke[name]
    found = computed(name, {**other, **change}, batch)
    assert all(bool(x.isfinite().all()) for x in found.values())
    assert found.keys() != reference.keys() or any(
        found[key].shape != reference[key].shape or not torch.equal(found[key], reference[key])
        for key in found
    )


def test_the_comparison_would_notice_a_choice_without_effect(batch, smoke):
    for name, reference in smoke.items():
        again = computed(name, {}, batch)
        assert again.keys() == reference.keys()
        assert all(torch.equal(again[key], reference[key]) for key in again), name


@pytest.mark.parametrize("name", list_methods())
def test_another_preprocessing_than_that_of_the_batch_is_refused(name, batch):
    method = create(name, "smoke", preprocess="minmax")
    with pytest.raises(InputError, match="preprocessed as 'minmax', and these are 'standard'"):
        method.losses(batch, Generator().manual_seed(0))
