"""Tensors in, one number out."""

from ecglearn.losses.contrastive import info_nce
from ecglearn.losses.focal import masked_focal
from ecglearn.losses.reconstruction import masked_mse
from ecglearn.losses.redundancy import barlow_twins, cross_correlation
from ecglearn.losses.relevance import relevance, relevance_weights, selector_loss
from ecglearn.losses.temporal import aligned_cosine, local_contrastive, phase_target
from ecglearn.losses.tokens import (
    Attended,
    attend,
    carried_weights,
    pooled_tokens,
    token_contrast,
    token_weights,
)

__all__ = [
    "Attended",
    "aligned_cosine",
    "attend",
    "barlow_twins",
    "carried_weights",
    "cross_correlation",
    "info_nce",
    "local_contrastive",
    "masked_focal",
    "masked_mse",
    "phase_target",
    "pooled_tokens",
    "relevance",
    "relevance_weights",
    "selector_loss",
    "token_contrast",
    "token_weights",
]
