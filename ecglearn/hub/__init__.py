"""Out to the hub of Hugging Face and back: a folder of weights with a card that says what they are.

Book: many-machines#out-again
"""

from ecglearn.hub.card import model_card
from ecglearn.hub.shared import Shared, fetch

__all__ = ["Shared", "fetch", "model_card"]
