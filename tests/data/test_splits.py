"""Splits opened once, and which samples two of them share."""

import numpy as np
import pytest

from jaxgan import data as jd
from jaxgan.base.errors import UserError
from jaxgan.data import datasets


def test_a_split_is_opened_once(monkeypatch, config):
    opened, open_sources = [], datasets.open_sources

    def counting(data, split, **options):
        opened.append(split)
        return open_sources(data, split, **options)

    monkeypatch.setattr(datasets, "open_sources", counting)
    splits = jd.Splits(config("digits"))
    assert splits.source() is splits.source("train")
    assert splits.source("test").split == "test"
    assert splits.spec() == splits.source().spec
    assert opened == ["train", "test"]
    with pytest.raises(UserError, match="no split 'val'"):
        splits.source("val")


def test_shared_samples_are_told_by_their_ids():
    images = np.zeros((6, 2, 2, 1), np.uint8)

    def split(name, ids):
        known = {} if ids is None else {"ids": lambda: np.asarray(ids, np.int64)}
        return jd.source.in_memory("t", name, images, None, 0, **known)

    a, b = split("train", [5, 1, 2, 3, 4, 0]), split("test", [9, 3, 8, 1, 7, 6])
    np.testing.assert_array_equal(jd.shared(a, b), [1, 3])
    # Without ids a name stands for its samples.
    assert len(jd.shared(split("train", None), split("train", None))) == 6
    assert len(jd.shared(split("train", None), split("test", None))) == 0
