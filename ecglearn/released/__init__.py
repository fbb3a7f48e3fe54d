"""How public code names its tensors, and how such a file is read: facts, no weights."""

from ecglearn.released.layout import Layout, Rule, translate
from ecglearn.released.read import read_state_dict

__all__ = ["Layout", "Rule", "read_state_dict", "translate"]
