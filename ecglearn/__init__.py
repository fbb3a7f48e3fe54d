"""Multimodal ECG representation learning: models, losses and evaluation of five papers.

Book: intro
"""

from importlib.metadata import version

__version__ = version("ecglearn")
