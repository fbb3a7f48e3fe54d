"""Numbers in, figures out: the only room that knows matplotlib, seaborn or plotly."""

from ecglearn.plots.alignment import draw_map
from ecglearn.plots.clinical import lifts_side_by_side
from ecglearn.plots.colours import method_colours
from ecglearn.plots.compare import Lesson, finding_map, lessons, measure_menu, seed_menu
from ecglearn.plots.controls import add_slider
from ecglearn.plots.diagram import Arrow, Box, diagram
from ecglearn.plots.ecg import ecg_paper, ecg_sheet
from ecglearn.plots.forest import ClaimBoard, Forest
from ecglearn.plots.live import live
from ecglearn.plots.missingness import (
    severity_curves,
    stored_severity,
    token_grid,
)
from ecglearn.plots.reports import Marked, marked_reports, three_views
from ecglearn.plots.source import Source
from ecglearn.plots.tables import SortableTable
from ecglearn.plots.views import (
    AlignmentTrack,
    AlignmentView,
    LeadSetView,
    MapCase,
    MapView,
    PeakView,
    RetrievalView,
    ThresholdView,
    TorsoView,
    View,
)

__all__ = [
    "AlignmentTrack",
    "AlignmentView",
    "Arrow",
    "Box",
    "ClaimBoard",
    "Forest",
    "LeadSetView",
    "Lesson",
    "MapCase",
    "MapView",
    "Marked",
    "PeakView",
    "RetrievalView",
    "SortableTable",
    "Source",
    "ThresholdView",
    "TorsoView",
    "View",
    "add_slider",
    "diagram",
    "draw_map",
    "ecg_paper",
    "ecg_sheet",
    "finding_map",
    "lessons",
    "lifts_side_by_side",
    "live",
    "marked_reports",
    "measure_menu",
    "method_colours",
    "seed_menu",
    "severity_curves",
    "stored_severity",
    "three_views",
    "token_grid",
]
