"""One modality in; tokens and one vector out."""

from ecglearn.encoders.batch_norm import BatchNorm1d, BatchNorm2d
from ecglearn.encoders.cine_transformer import CineTransformer
from ecglearn.encoders.clinical_table import TableEncoder, TableScaler
from ecglearn.encoders.cross_decoder import CrossDecoder, DecoderBlock, GatedMLP, SeparatedAttention
from ecglearn.encoders.ecg_transformer import ECGTransformer
from ecglearn.encoders.heads import (
    AttentionPool,
    ClassTokenPool,
    MLPHead,
    ProjectionHead,
    dropout_view,
)
from ecglearn.encoders.inference import map_batches
from ecglearn.encoders.lead_time_transformer import (
    Encoded,
    LeadTimeTransformer,
    WindowStem,
    select,
    sine_positions,
)
from ecglearn.encoders.masked_autoencoder import MaskedAutoencoder, PatchEncoder, random_visible
from ecglearn.encoders.masker import Masker, remove
from ecglearn.encoders.own_encoder import LeadByLead, TimeTokens, TokenMean, own_encoder, renewed
from ecglearn.encoders.pretrained import EMBEDDED
from ecglearn.encoders.report_generator import (
    GeneratorError,
    ReportGenerator,
    ReportPairs,
    report_generator,
)
from ecglearn.encoders.residual import ResidualBlock, residual_stages
from ecglearn.encoders.resnet import ECGResNet
from ecglearn.encoders.shelf import Shelf
from ecglearn.encoders.spectrogram_cnn import SpectrogramCNN
from ecglearn.encoders.state_space import S4D, S4Block, S4Encoder
from ecglearn.encoders.text_encoder import (
    MED_CPT,
    EncodedReports,
    ReportError,
    TextEncoder,
    bert_parameters,
    text_encoder,
)
from ecglearn.encoders.text_tower import TextTower, same_reports
from ecglearn.encoders.transformer import Attention, Block, Blocks, initialise, kept_attention

__all__ = [
    "EMBEDDED",
    "MED_CPT",
    "S4D",
    "Attention",
    "AttentionPool",
    "BatchNorm1d",
    "BatchNorm2d",
    "Block",
    "Blocks",
    "CineTransformer",
    "ClassTokenPool",
    "CrossDecoder",
    "DecoderBlock",
    "ECGResNet",
    "ECGTransformer",
    "Encoded",
    "EncodedReports",
    "GatedMLP",
    "GeneratorError",
    "LeadByLead",
    "LeadTimeTransformer",
    "MLPHead",
    "MaskedAutoencoder",
    "Masker",
    "PatchEncoder",
    "ProjectionHead",
    "ReportError",
    "ReportGenerator",
    "ReportPairs",
    "ResidualBlock",
    "S4Block",
    "S4Encoder",
    "SeparatedAttention",
    "Shelf",
    "SpectrogramCNN",
    "TableEncoder",
    "TableScaler",
    "TextEncoder",
    "TextTower",
    "TimeTokens",
    "TokenMean",
    "WindowStem",
    "bert_parameters",
    "dropout_view",
    "initialise",
    "kept_attention",
    "map_batches",
    "own_encoder",
    "random_visible",
    "remove",
    "renewed",
    "report_generator",
    "residual_stages",
    "same_reports",
    "select",
    "sine_positions",
    "text_encoder",
]
