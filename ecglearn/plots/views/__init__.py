"""Views that a reader moves about in: one script, drawn in a page and in a running kernel."""

from ecglearn.plots.views.alignment import AlignmentTrack, AlignmentView
from ecglearn.plots.views.contract import MIME, View
from ecglearn.plots.views.leads import LeadSetView
from ecglearn.plots.views.maps import MapCase, MapView
from ecglearn.plots.views.patients import RetrievalView
from ecglearn.plots.views.peaks import PeakView
from ecglearn.plots.views.threshold import ThresholdView
from ecglearn.plots.views.torso import TorsoView

__all__ = [
    "MIME",
    "AlignmentTrack",
    "AlignmentView",
    "LeadSetView",
    "MapCase",
    "MapView",
    "PeakView",
    "RetrievalView",
    "ThresholdView",
    "TorsoView",
    "View",
]
