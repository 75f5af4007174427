"""Datasets: one interface over embedded, toy, folder, npz and TFDS data, and the batches."""

from jaxgan.data import mixtures
from jaxgan.data.datasets import describe, open_source
from jaxgan.data.labels import label_warnings
from jaxgan.data.order import indices
from jaxgan.data.source import Batch, Source, Spec, in_memory
from jaxgan.data.splits import Splits, ids, shared
from jaxgan.data.stream import Stream, stream, whole
from jaxgan.data.transforms import to_float
