"""Views that a reader moves about in: one script, drawn in a page and in a running kernel."""

from ecglearn.plots.views.alignment import AlignmentTrack, AlignmentView
from ecglearn.plots.views.contract import MIME, View

__all__ = ["MIME", "AlignmentTrack", "AlignmentView", "View"]
