"""Every default that comes from a paper, its code, or our choice where both are silent, once.

A number that changes here changes what a preset computes: say so in the changelog.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator

import pytest

import ecglearn
from ecglearn.recipe import Recipe
from ecglearn.registry import list_methods, method_class

RESNET18 = {"widths": (64, 128, 256, 512), "blocks": (2, 2, 2, 2)}
VIT_TINY = {"patch": 50, "vit_width": 192, "vit_depth": 12, "vit_heads": 3}
MED_CPT = {
    "text": "ncbi/MedCPT-Query-Encoder",
    "text_width": 768,
    "text_limit": 256,
    "pooling": "words",
}
TEN_SECONDS = {"fs": 500, "samples": 5000, "preprocess": "standard"}

MERL = {  # Liu et al. 2024, sections 3 and 4.1
    **TEN_SECONDS,
    **RESNET18,
    **VIT_TINY,
    **MED_CPT,
    "encoder": "resnet",
    "width": 256,
    "heads": 4,
    "pool_start": "even",
    "temperature": 0.07,
    "directions": "mean",
    "dropout": 0.1,
    "same_report": False,
    "exclude_positive": False,
}
DERI = {  # Chen et al. 2025, figure 2 and section 4.1
    **TEN_SECONDS,
    **RESNET18,
    **VIT_TINY,
    **MED_CPT,
    "encoder": "resnet",
    "stride": 3,
    "width": 256,
    "heads": 4,
    "words": 256,
    "temperature": 0.07,
    "align": 1.0,
    "mix": 1.0,
    "rme": 1.0,
    "rec_ecg": 1.0,
    "rec_text": 1.0,
    "ecg_to_text": True,
    "text_to_ecg": True,
    "decoder_depth": 2,
    "decoder_heads": 8,
    "decoder_head_width": 64,
    "dropout": 0.2,
    "drop_path": 0.1,
    "decoder_bias": False,
    "drop_branches": False,
    "separator_std": None,
    "reconstruction": "contrastive",
    "views": "masked",
    "mask_ratio": 0.1,
    "keep_order": True,
    "view_heads": 2,
    "view_dropout": 0.1,
    "duplicates": "negative",
    "mask_padding": True,
    "vector": "mixed",
    "released_inference": False,
}
PRESETS = {
    ("ptacl", "paper"): {  # Selivanov et al. 2025, sections "data" and "implementation"
        "fs": 500,
        "samples": 2500,
        "preprocess": "standard",
        "patch": 50,
        "leads_per_token": 1,
        "frames": 26,
        "size": 84,
        "cine_patch": (2, 12, 12),
        "time_positions": True,
        "grey_mean": 0.0,
        "grey_scale": 1.0,
        "segments": 13,
        "width": 512,
        "ecg_depth": 6,
        "cine_depth": 4,
        "heads": 8,
        "projection": 128,
        "head": "mlp",
        "layer_scale": 1e-5,
        "use_cls": False,
        "frozen_layers": 2,
        "temperature": 0.1,
        "local_temperature": 1.0,
        "weight": 0.5,
        "beta": 1.0,
        "local": "contrast",
        "sigma": 0.1,
        "distance": "linear",
        "phase_exact": False,
        "ecg_mask": 0.75,
        "cine_mask": 0.9,
        "decoder_width": 256,
        "augmented": True,
    },
    ("tamer", "paper"): {  # Zhou et al. 2026; residual network of 34 layers
        **TEN_SECONDS,
        **MED_CPT,
        "widths": (64, 128, 256, 512),
        "blocks": (3, 4, 6, 3),
        "width": 256,
        "heads": 4,
        "temperature": 0.07,
        "dropout": 0.1,
        "same_report": False,
        "exclude_positive": False,
        "spectrogram_widths": (64, 128, 256),
        "spectrogram_blocks": (2, 2, 2),
        "spectrogram": True,
        "wlai": True,
        "rlca": 1.0,
        "uecr": 1.0,
        "rada": 1.0,
        "rgwr": 1.0,
        "token_temperature": 0.04,
        "ecg_tokens": 40,
        "clip": (0.1, 0.9),  # MGCA
    },
    ("deri", "paper"): DERI,
    ("deri", "released"): DERI  # public code of DERI
    | {
        "preprocess": "minmax",
        "pooling": "pooler",
        "rec_text": 0.0,
        "keep_order": False,
        "mask_padding": False,
        "decoder_bias": True,
        "drop_branches": True,
        "separator_std": 1.0,
        "released_inference": True,
    },
    ("scar", "paper"): {  # all ours: Liu et al. 2026 could not be read
        **TEN_SECONDS,
        **MED_CPT,
        "patch": 125,
        "width": 192,
        "depth": 12,
        "heads": 3,
        "out": 256,
        "stem": None,
        "temperature": 0.07,
        "mask": "masker",
        "masker_text": True,
        "structured": False,
        "masker_temperature": 0.5,
        "masker_rate": 5.0,
        "selector": "supervised",
        "teacher_temperature": 0.1,
        "missing": 1.0,
        "supervision": 0.5,
        "budget": (0.1, 0.5),
        "mix": (0.5, 0.25, 0.25),
        "curriculum": True,
        "horizon": None,
        "warm": 0.15,
        "ramp": 0.5,
    },
    # MDS-ED and CardioLab (Alcaraz and Strodthoff 2024); Barlow Twins (Zbontar et al. 2021)
    ("clinical-transfer", "paper"): {
        "fs": 100,
        "samples": 1000,
        "preprocess": "standard",
        "crop": 250,
        "width": 512,
        "layers": 4,
        "states": 4,
        "dropout": 0.2,
        "columns": 58,
        "categories": (2, 5, 5),
        "table_width": 128,
        "table_dropout": (0.25, 0.25, 0.5),
        "projector": (2048, 2048, 2048),
        "redundancy": 0.0051,
        "hide": 0.1,
        "flags": 90,
        "diagnoses": 1428,
        "gamma": 2.0,
        "lab_weight": 0.1,
        "order": "labs first",
        "slow": 0.1,
    },
    ("merl", "paper"): MERL,
    ("merl", "released"): MERL  # public code of MERL
    | {
        "preprocess": "minmax",
        "pooling": "pooler",
        "pool_start": "released",
        "directions": "sum",
    },
}
EVERYTHING = {
    *("epochs", "batch_size", "lr", "betas", "weight_decay", "warmup", "restarts", "decay_all")
}
# epochs, batch, rate, betas, decay, warm-up, restarts, decay of everything; what is known of them
RECIPES = {
    # the group's masked ECGs (He et al. 2022), VideoMAE, the group's earlier contrast: ours
    ("ptacl", "paper"): [
        ((400, 256, 1e-3, (0.9, 0.95), 0.05, 0.1, None, False), set()),
        ((400, 256, 1.5e-4, (0.9, 0.95), 0.05, 0.1, None, False), set()),
        ((300, 256, 1e-4, (0.9, 0.999), 1e-4, 0.1, None, False), set()),
    ],
    ("tamer", "paper"): [
        (
            (50, 256, 2e-4, (0.9, 0.999), 1e-7, 0.0, 40_000, False),
            {"epochs", "batch_size", "lr", "weight_decay", "restarts"},
        )
    ],
    ("deri", "paper"): [
        ((50, 512, 1e-3, (0.9, 0.999), 1e-8, 0.0, 5000, False), {"batch_size"}),
    ],
    ("deri", "released"): [((51, 1024, 1e-3, (0.9, 0.999), 1e-8, 0.0, 5000, True), EVERYTHING)],
    ("scar", "paper"): [((50, 256, 2e-4, (0.9, 0.999), 0.01, 0.05, None, False), set())],
    # Barlow Twins, CardioLab, MDS-ED: ours
    ("clinical-transfer", "paper"): [
        ((100, 256, 1e-3, (0.9, 0.999), 1e-4, 0.05, None, False), set()),
        ((20, 128, 1e-3, (0.9, 0.999), 1e-4, 0.1, None, False), set()),
        ((40, 32, 1e-3, (0.9, 0.999), 1e-3, 0.0, None, False), set()),
    ],
    ("merl", "paper"): [
        (
            (50, 512, 2e-4, (0.9, 0.999), 1e-5, 0.0, 5000, False),
            {"epochs", "batch_size", "lr", "weight_decay"},
        )
    ],
    ("merl", "released"): [((21, 1024, 1e-3, (0.9, 0.999), 1e-8, 0.0, 5000, True), EVERYTHING)],
}
# stages that have a recipe of their own in the sizes of a lesson: epochs and batch
LESSONS = {
    "ptacl": {"class": [(8, 64), (8, 64), (16, 64)], "smoke": [(1, 32), (1, 32), (2, 32)]},
    "tamer": {"class": [(9, 64)], "smoke": [(2, 32)]},
    "deri": {"class": [(9, 64)], "smoke": [(2, 32)]},
    "scar": {"class": [(7, 64)], "smoke": [(2, 32)]},
    "clinical-transfer": {
        "class": [(9, 128), (6, 64), (6, 64)],
        "smoke": [(1, 32), (1, 16), (1, 16)],
    },
    "merl": {"class": [(9, 64)], "smoke": [(2, 32)]},
}

ROOMS = ("losses", "signals", "encoders", "data.transforms", "data.splits", "evaluate")
NUMBERS = {
    # Selivanov et al. 2025: both directions alike; Lin et al. 2017; Zbontar et al. 2021, and the
    # epsilon of its batch norm; MGCA (Wang et al. 2022)
    "losses.contrastive.info_nce": {"weight": 0.5},
    "losses.temporal.local_contrastive": {"weight": 0.5},
    "losses.focal.masked_focal": {"gamma": 2.0},
    "losses.redundancy.barlow_twins": {"redundancy": 0.0051},
    "losses.redundancy.cross_correlation": {"epsilon": 1e-5},
    "losses.tokens.token_weights": {"clip": (0.1, 0.9)},
    # public code of MMCL and of oetu/mae
    "signals.augment.augment": {
        "rate": 0.95,
        "surrogate": 0.1,
        "surrogate_probability": 0.5,
        "jitter_strength": 0.6,
        "jitter_sigma": 0.2,
        "rescale_sigma": 0.5,
    },
    "signals.augment.ft_surrogate": {"strength": 0.1, "probability": 0.5},
    "signals.augment.jitter": {"strength": 0.6, "sigma": 0.2},
    "signals.augment.rescale": {"sigma": 0.5},
    "data.transforms.augment_cine": {
        "area": (0.6, 1.0),
        "rotation": 45.0,
        "flip": 0.5,
        "colour": 0.5,
        "blur": 0.2,
        "noise": 0.2,
        "rate": 0.95,
    },
    # public code of the authors' group (baseline); Selivanov et al. 2025, section "data" (wavelet)
    "signals.baseline.subtract_baseline": {
        "smoothness": 1e7,
        "asymmetry": 0.3,
        "passes": 5,
        "clip": 4.0,
    },
    "signals.filters.denoise_wavelet": {"level": 8, "drop_details": (1, 2)},
    "signals.filters.wavelet_parts": {"level": 8},
    "signals.filters.preprocess": {"fs_out": 500},
    "signals.missing.apply_missing": {"fill": 0},
    # PyTorch's batch norm
    "encoders.batch_norm.BatchNorm1d": {"eps": 1e-5, "momentum": 0.1},
    "encoders.batch_norm.BatchNorm2d": {"eps": 1e-5, "momentum": 0.1},
    # Selivanov et al. 2025 and the modified ViTMAE classes of its authors
    "encoders.cine_transformer.CineTransformer": {
        "frames": 26,
        "size": 84,
        "patch": (2, 12, 12),
        "width": 512,
        "depth": 4,
        "heads": 8,
        "layer_scale": 1e-5,
    },
    "encoders.ecg_transformer.ECGTransformer": {
        "samples": 2500,
        "patch": 50,
        "width": 512,
        "depth": 6,
        "heads": 8,
        "leads": 12,
        "leads_per_token": 1,
        "layer_scale": 1e-5,
        "drop_path": 0.0,
        "eps": 1e-6,
    },
    "encoders.transformer.Block": {"layer_scale": 1e-5, "drop_path": 0.0, "eps": 1e-6},
    "encoders.transformer.Blocks": {"layer_scale": 1e-5, "drop_path": 0.0, "eps": 1e-6},
    "encoders.masked_autoencoder.MaskedAutoencoder": {
        "decoder_width": 256,
        "decoder_heads": 4,
        "layer_scale": 1e-5,
    },
    "encoders.heads.AttentionPool": {"heads": 8},
    "encoders.heads.ProjectionHead": {"out": 128},
    # public code of MERL and DERI
    "encoders.heads.ClassTokenPool": {"heads": 4},
    "encoders.cross_decoder.CrossDecoder": {
        "depth": 2,
        "heads": 8,
        "head_width": 64,
        "dropout": 0.2,
        "drop_path": 0.1,
    },
    "encoders.cross_decoder.DecoderBlock": {"drop_path": 0.0},
    "encoders.cross_decoder.GatedMLP": {"dropout": 0.0},
    "encoders.cross_decoder.SeparatedAttention": {"heads": 4},
    # MDS-ED, S4D (Gu et al. 2022)
    "encoders.clinical_table.TableEncoder": {
        "categories": (),
        "width": 128,
        "embedding": 16,
        "rates": (0.25, 0.25, 0.5),
    },
    "encoders.state_space.S4D": {"states": 4, "shortest": 0.001, "longest": 0.1},
    "encoders.state_space.S4Encoder": {
        "width": 512,
        "layers": 4,
        "states": 4,
        "rate": 0.2,
        "leads": 12,
    },
    # He et al. 2016: 34 layers
    "encoders.resnet.ECGResNet": {
        "widths": (64, 128, 256, 512),
        "blocks": (3, 4, 6, 3),
        "leads": 12,
    },
    "encoders.residual.ResidualBlock": {"stride": 1, "axes": 1},
    # ours, where papers are silent
    "encoders.spectrogram_cnn.SpectrogramCNN": {
        "widths": (64, 128, 256),
        "blocks": (2, 2, 2),
        "leads": 12,
    },
    "encoders.lead_time_transformer.LeadTimeTransformer": {
        "samples": 5000,
        "patch": 125,
        "width": 192,
        "depth": 12,
        "heads": 3,
        "out": 256,
        "leads": 12,
    },
    "encoders.masker.Masker": {"bound": 3.0},
    "encoders.report_generator.ReportGenerator": {"k": 1, "limit": 256},
    "encoders.report_generator.report_generator": {"k": 1, "limit": 256},
    "encoders.text_tower.TextTower": {"limit": 256},
    "encoders.own_encoder.LeadByLead": {"leads": 12},
    "encoders.text_encoder.TextEncoder": {"limit": 256, "memory": 2_000_000_000},
    "encoders.text_encoder.text_encoder": {"limit": 256, "memory": 2_000_000_000},
    "data.transforms.sample_frames": {"records": 1},
    "data.splits.split_of": {"validation": 0.08, "test": 0.2, "seed": 0},
    "data.splits.split_patients": {"test": 1 / 3, "seed": 0},
    # intervals of 95%; probes on 1, 10 and 100% of labels (MERL)
    "evaluate.claims.Claim": {"minus": 0.0, "first_seed": 0},
    "evaluate.cost.cost": {"repeats": 3},
    "evaluate.intervals.bootstrap_interval": {"n_resamples": 1000, "seed": 0, "level": 0.95},
    "evaluate.intervals.interval_of": {"tail": 0.025},
    "evaluate.intervals.resampled_rows": {"seed": 0},
    "evaluate.intervals.t_interval": {"level": 0.95},
    "evaluate.missingness.critical_views": {"seed": 0, "shares": (0.1, 0.25, 0.5)},
    "evaluate.missingness.missingness_table": {"n_resamples": 200, "seed": 0},
    "evaluate.missingness.random_keep_masks": {"seed": 0},
    "evaluate.probe.fit_probe": {"share": 1.0, "seed": 0, "Cs": (0.001, 0.01, 0.1, 1.0)},
    "evaluate.probe.probe_table": {
        "label_fractions": (0.01, 0.1, 1.0),
        "seeds": 5,
        "n_resamples": 200,
        "Cs": (0.001, 0.01, 0.1, 1.0),
    },
    "evaluate.zero_shot.cross_domain": {"n_resamples": 200},
}


@pytest.mark.parametrize("name", list_methods())
def test_presets_and_recipes_are_those_stated(name):
    """Every preset but those of a lesson, and every recipe, is in a table above."""
    method = method_class(name)
    lessons = {"class", "smoke"}
    published = {(name, preset) for preset in method.config_class.PRESETS if preset not in lessons}
    assert published == {key for key in PRESETS if key[0] == name}
    assert published == {(name, preset) for preset in method.recipes if preset not in lessons}
    for key in published:
        assert vars(method.config_class.preset(key[1])) == PRESETS[key], key
        made = [
            (tuple(v for n, v in vars(stage).items() if n != "known"), {*stage.known} - {"known"})
            for stage in method.recipes[key[1]]
        ]
        assert made == RECIPES[key], key
    for preset, stages in LESSONS[name].items():
        assert method.recipes[preset] == tuple(Recipe(*stage) for stage in stages), preset


def test_recipe_of_a_lesson():
    ours = (12, 64, 3e-3, (0.9, 0.95), 0.05, 0.1, None, False, ())
    assert tuple(vars(Recipe()).values()) == ours


def numbers_of(room: str) -> Iterator[tuple[str, dict]]:
    """Numeric defaults of the public functions and classes of a room."""
    face = importlib.import_module(f"{ecglearn.__name__}.{room}")
    parts = [
        importlib.import_module(f"{face.__name__}.{part.name}")
        for part in pkgutil.iter_modules(getattr(face, "__path__", []))
        if not part.ispkg
    ]
    for module in (face, *parts):
        for name, what in vars(module).items():
            made = inspect.isclass(what) and not issubclass(what, Exception | dict)
            made = made or inspect.isfunction(inspect.unwrap(what) if callable(what) else what)
            if made and what.__module__ == module.__name__ and not name.startswith("_"):
                parameters = inspect.signature(what).parameters.values()
                found = {p.name: p.default for p in parameters if is_number(p.default)}
                if found:
                    yield f"{module.__name__.removeprefix('ecglearn.')}.{name}", found


def is_number(x: object) -> bool:
    if isinstance(x, tuple):
        return all(map(is_number, x))
    return isinstance(x, int | float) and not isinstance(x, bool)


@pytest.mark.parametrize("room", ROOMS)
def test_numbers_that_functions_take_when_none_is_given(room):
    found = dict(numbers_of(room))
    wanted = {name: numbers for name, numbers in NUMBERS.items() if name.startswith(f"{room}.")}
    assert found == wanted
