"""What an ECG is: functions on tensors (..., lead, time), nothing learned."""

from ecglearn.signals.augment import augment, crop, ft_surrogate, jitter, rescale
from ecglearn.signals.baseline import subtract_baseline
from ecglearn.signals.beats import beat_matrices, beat_matrix, pad_peaks
from ecglearn.signals.fill import computable, fill_segments, recover_limb_leads
from ecglearn.signals.filters import (
    FLAT,
    denoise_wavelet,
    minmax,
    preprocess,
    resample,
    wavelet_parts,
    zscore,
)
from ecglearn.signals.leads import (
    EIGHT,
    LEADS,
    Signal,
    canonical,
    eight_from_twelve,
    lead_positions,
    limb_residuals,
    twelve_from_eight,
)
from ecglearn.signals.missing import (
    ELECTRODES,
    LEVELS,
    Level,
    apply_missing,
    draw_missing,
    electrodes_off,
    keep_samples,
    keep_segments,
    missing_share,
)
from ecglearn.signals.r_peaks import Beats, detect_beats, detect_r_peaks
from ecglearn.signals.random_masks import (
    draw_cells,
    draw_kept_leads,
    draw_leads,
    draw_levels,
)
from ecglearn.signals.spectrogram import spectrogram, spectrogram_axes, stft_magnitude

__all__ = [
    "EIGHT",
    "ELECTRODES",
    "FLAT",
    "LEADS",
    "LEVELS",
    "Beats",
    "Level",
    "Signal",
    "apply_missing",
    "augment",
    "beat_matrices",
    "beat_matrix",
    "canonical",
    "computable",
    "crop",
    "denoise_wavelet",
    "detect_beats",
    "detect_r_peaks",
    "draw_cells",
    "draw_kept_leads",
    "draw_leads",
    "draw_levels",
    "draw_missing",
    "eight_from_twelve",
    "electrodes_off",
    "fill_segments",
    "ft_surrogate",
    "jitter",
    "keep_samples",
    "keep_segments",
    "lead_positions",
    "limb_residuals",
    "minmax",
    "missing_share",
    "pad_peaks",
    "preprocess",
    "recover_limb_leads",
    "resample",
    "rescale",
    "spectrogram",
    "spectrogram_axes",
    "stft_magnitude",
    "subtract_baseline",
    "twelve_from_eight",
    "wavelet_parts",
    "zscore",
]
