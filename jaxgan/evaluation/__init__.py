"""Evaluation: how near samples come to real data, each figure with what it was measured by."""

from jaxgan.evaluation.choice import LOGGED, choose_metrics, logged
from jaxgan.evaluation.evaluator import Evaluator
from jaxgan.evaluation.metrics.sliced_wasserstein import sliced_wasserstein
from jaxgan.evaluation.opening import open_evaluator
from jaxgan.evaluation.protocol import compare, describe, in_a_line, read, write
from jaxgan.evaluation.provenance import made_by
from jaxgan.evaluation.subject import Subject
