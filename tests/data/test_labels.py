import dataclasses

import numpy as np
import pytest

from jaxgan import data as jd
from jaxgan.data.labelled import draw_labelled
from jaxgan.data.source import in_memory


def labelled(labels, num_classes, **known):
    """A source whose image i holds the label of i, and is told apart by its place."""
    labels = np.array(labels)
    image = np.stack([labels, np.arange(len(labels))], axis=1).astype(np.float32)
    return in_memory("t", "train", image, labels, num_classes, **known)


def unread(source):
    """The source where the labels are only had with their images."""
    return dataclasses.replace(source, labels=None)


@pytest.mark.parametrize("without", [lambda source: source, unread])
@pytest.mark.parametrize("none", [-1, -7, 4, 255])
def test_a_sample_without_a_label_is_never_drawn(without, none):
    source = without(labelled([none, 0, 1, 2, 3] * 40, 4))
    found = draw_labelled(source, 40, 0)
    np.testing.assert_array_equal(found["image"][:, 0], found["label"])
    assert np.bincount(found["label"]).tolist() == [10] * 4
    assert len(np.unique(found["image"][:, 1])) == 40


def test_which_samples_are_drawn_is_the_seed_s():
    source = labelled(np.arange(200) % 4, 4)
    first, again, other = (draw_labelled(source, 10, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first["image"], again["image"])
    assert (first["image"] != other["image"]).any()
    # The first of each class in that order, as ever: a run made before draws the same.
    order = [i for i in jd.indices(0, 0, size=200, batch_size=200) if i % 4 == 2]
    assert first["image"][first["label"] == 2][:, 1].tolist() == order[:2]


def test_no_image_is_read_but_those_that_are_drawn():
    source, read = labelled(np.arange(5000) % 4, 4), []
    counted = dataclasses.replace(source, read=lambda i: read.extend(i) or source.read(i))
    draw_labelled(counted, 8, 0)
    assert len(read) == 8


@pytest.mark.parametrize(
    ("labels", "K", "lines"),
    [
        ([0, 1, 2, 3], 4, []),
        ([-1, -1, -1, 0, 1], 2, ["3 of 5 labels lie outside [0, 2): these samples have no label"]),
        ([0, 1, 7], 2, ["1 of 3 labels lie outside [0, 2): these samples have no label"]),
        ([1, 2, 3, 4], 5, ["no sample has label 0"]),
        ([0, 2], 4, ["no sample has one of the labels 1, 3 (2 of 4)"]),
        (
            [0, 7, 70, 700],
            701,
            ["no sample has one of the labels 1 to 6, 8 to 69, 71 to 699 (697 of 701)"],
        ),
        (
            [1, 3, 5, 7, 9],
            10,
            ["no sample has one of the labels 0, 2, 4, ... (5 of 10)"],
        ),
        (
            [-1, -1],
            3,
            [
                "2 of 2 labels lie outside [0, 3): these samples have no label",
                "no sample has one of the labels 0 to 2 (3 of 3)",
            ],
        ),
    ],
)
def test_what_is_odd_about_labels_is_told_in_a_line(labels, K, lines):
    assert jd.label_warnings(labelled(labels, K)) == lines
    assert jd.label_warnings(unread(labelled(labels, K))) == lines


def test_classes_are_told_by_name():
    source = labelled([1], 3, classes=("ant", "bee", "2"))
    assert jd.label_warnings(source) == [
        "no sample has one of the labels 0 ('ant'), 2 (2 of 3)",
    ]
    whole = labelled([0, 2], 3, classes=("ant", "bee", "cat"))
    assert jd.label_warnings(whole) == ["no sample has label 1 ('bee')"]


def test_points_without_classes_have_no_labels_to_look_at():
    assert jd.label_warnings(in_memory("t", "train", np.zeros((4, 2)), None, 0)) == []


def test_a_part_is_said_to_be_one_and_lies_all_over_the_source():
    source, looked = labelled([0] * 5000 + [-1] * 5000, 2), []
    counted = dataclasses.replace(source, labels=lambda i: looked.extend(i) or source.labels(i))
    assert jd.label_warnings(counted, most=100) == [
        "50 labels of the 100 (of 10,000) looked at lie outside [0, 2): "
        "these samples have no label",
        "no sample of the 100 (of 10,000) looked at has label 1",
    ]
    assert looked == list(range(0, 10_000, 100))


def test_images_are_decoded_for_so_many_labels_only():
    source, read = labelled(np.arange(9000) % 2, 2), []
    counted = dataclasses.replace(source, read=lambda i: read.append(len(i)) or source.read(i))
    assert jd.label_warnings(unread(counted)) == []
    assert sum(read) == 2000
    assert max(read) <= 500
