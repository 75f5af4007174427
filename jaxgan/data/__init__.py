"""Datasets: one interface over embedded, toy, folder, pairs, npz and TFDS data, and the batches."""

from jaxgan.data import classes, mirrored, mixtures
from jaxgan.data.datasets import describe, open_source, open_sources
from jaxgan.data.labels import label_warnings
from jaxgan.data.order import indices
from jaxgan.data.source import Batch, Source, Spec, in_memory, no_targets
from jaxgan.data.splits import Splits, apart, ids, shared
from jaxgan.data.stream import Merged, Stream, side_by_side, stream, whole
from jaxgan.data.transforms import to_float
