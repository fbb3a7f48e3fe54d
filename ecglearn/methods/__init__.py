"""One file for each paper; methods never import each other."""

# ruff: isort: skip_file
# the order of the book, in which they are listed

from ecglearn.methods.ptacl import PTACL, PTACLConfig, PTACLPretraining, PTACLRegression
from ecglearn.methods.tamer import TAMER, TAMERConfig
from ecglearn.methods.deri import DERI, DERIConfig, random_keep
from ecglearn.methods.scar import SCAR, SCARConfig
from ecglearn.methods.clinical_transfer import (
    ClinicalTransfer,
    ClinicalTransferConfig,
    JointEmbedding,
    LabStage,
    Reference,
)
from ecglearn.methods.merl import MERL, MERLConfig

__all__ = [
    "DERI",
    "MERL",
    "PTACL",
    "SCAR",
    "TAMER",
    "ClinicalTransfer",
    "ClinicalTransferConfig",
    "DERIConfig",
    "JointEmbedding",
    "LabStage",
    "MERLConfig",
    "PTACLConfig",
    "PTACLPretraining",
    "PTACLRegression",
    "Reference",
    "SCARConfig",
    "TAMERConfig",
    "random_keep",
]
