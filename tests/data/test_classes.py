"""Classes that are left out, whatever the set is."""

import numpy as np
import pytest

from jaxgan import data as jd
from tests.data.test_domains import labelled  # noqa: F401

KINDS = ("npz", "folder", "mnist", "digits", "ring")


@pytest.mark.parametrize("kind", KINDS)
def test_the_other_classes_stay_numbered_as_they_were(labelled, kind):  # noqa: F811
    data, without, gone = labelled(kind)
    everything, spec = jd.whole(jd.open_source(data)), jd.describe(data)
    data.without = without
    source = jd.open_source(data)
    kept = ~np.isin(everything["label"], gone)
    assert 0 < kept.sum() < len(kept)
    rows = jd.whole(source)
    for entry in ("image", "label"):
        np.testing.assert_array_equal(rows[entry], everything[entry][kept])
    np.testing.assert_array_equal(
        jd.labels.read_labels(source, np.arange(source.size)), rows["label"]
    )
    assert source.spec == jd.describe(data) == spec._replace(size=source.size)
    whole = jd.Splits(data).complete.source()
    assert whole.spec == jd.describe(data, whole=True) == spec
    np.testing.assert_array_equal(jd.ids(source), jd.ids(whole)[kept])


def test_they_are_left_out_of_every_split(config):
    data = config("digits", without=(4, "7"))
    for split in ("train", "test"):
        left = jd.whole(jd.Splits(data).source(split))["label"]
        assert set(left) == {0, 1, 2, 3, 5, 6, 8, 9}
    plain = jd.Splits(config("digits"))
    assert plain.complete is plain


def test_samples_without_a_label_stay(tmp_path, config):
    images, labels = np.zeros((6, 2, 2, 1), np.uint8), np.array([0, -1, 1, 1, -1, 2])
    np.savez(tmp_path / "x.npz", x_train=images, y_train=labels, x_test=images, y_test=labels)
    data = config("npz", data_dir=str(tmp_path / "x.npz"), without=(1,))
    np.testing.assert_array_equal(jd.whole(jd.open_source(data))["label"], [0, -1, -1, 2])


@pytest.mark.parametrize(
    ("name", "fields", "told"),
    [
        ("digits", {"without": (10,)}, "data.without: the train split of 'digits' has the classes"),
        ("digits", {"without": ("seven",)}, "unknown class in data.without 'seven'"),
        ("digits", {"without": range(10)}, "data.without leaves no sample of the train split"),
        ("swiss_roll", {"without": (1,)}, "data.without are classes, and the train split of"),
        ("digits", {"without": (1,), "domains": (2, 3)}, "data.domains are two: set one of them"),
    ],
)
def test_what_cannot_be_left_out(config, refused_by_both, name, fields, told):
    assert told in refused_by_both(config(name, **fields))
