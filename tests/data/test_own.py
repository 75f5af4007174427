"""Datasets of one's own: what is told where the function, or what it returns, is not right."""

import logging

import numpy as np
import pytest

from jaxgan import data as jd
from jaxgan.base.errors import UserError
from jaxgan.data.source import warn_once

IMAGES, LABELS = np.zeros((40, 4, 4, 1), np.uint8), np.arange(40) % 10


def source(images=IMAGES, labels=LABELS, classes=10, **more):
    return jd.in_memory("own", "train", images, labels, classes, **more)


def reads(**batch):
    def read(rows):
        return {name: column[rows] for name, column in batch.items()}

    return jd.Source("own", "train", (4, 4, 1), 10, 40, read)


def good(data, split):
    if split != "train":
        raise ValueError(f"there is no split {split!r}")
    return source(targets=IMAGES)


WRONG = {
    "must return a jaxgan.data.Source, not 'tuple'": lambda: (IMAGES, LABELS),
    "has the shape (4, 4); it must be (H, W, C), or (2,)": lambda: source(IMAGES[..., 0]),
    "has no samples": lambda: source(IMAGES[:0], LABELS[:0]),
    "40 images and 39 labels; there must be one": lambda: source(labels=LABELS[1:]),
    "40 images and 39 targets and 40 labels": lambda: source(targets=IMAGES[1:]),
    "reads no 'label'; it reads: image": lambda: source(labels=None),
    "reads 'label' of shape (32, 10) for 32 rows": lambda: source(labels=np.eye(10)[LABELS]),
    "reads no 'image'; it reads: img, label": lambda: reads(img=IMAGES, label=LABELS),
    "it must be (32, 4, 4, 1)": lambda: reads(image=IMAGES[..., 0], label=LABELS),
}


def wrong(data, split):
    return WRONG[data.told]()


def broken(data, split):
    return source(undefined_name)  # noqa: F821


def broken_when_read(data, split):
    return reads(image=None, label=LABELS)


@pytest.mark.parametrize("told", WRONG)
def test_what_is_refused_in_a_line(config, refused_by_both, told):
    message = refused_by_both(config(f"{__name__}.wrong", told=told))
    assert told in message
    assert f"dataset '{__name__}.wrong'" in message


def test_a_good_one_is_as_it_is(config):
    opened = jd.open_source(config(f"{__name__}.good"))
    assert opened.spec == good(None, "train").spec
    batch = opened.read(np.arange(3))
    assert {name: rows.shape for name, rows in batch.items()} == {
        "image": (3, 4, 4, 1),
        "target": (3, 4, 4, 1),
        "label": (3,),
    }


def test_its_own_refusal_is_one_line(config, refused_by_both):
    told = refused_by_both(config(f"{__name__}.good", split="tets"))
    assert told.startswith(f"dataset '{__name__}.good': there is no split 'tets' (test_own.py")


@pytest.mark.parametrize(
    ("name", "error", "doing"),
    [
        ("broken", NameError, "while opening the train split of"),
        ("broken_when_read", TypeError, "while reading from"),
    ],
)
def test_its_bug_keeps_its_traceback_and_is_told_of(config, name, error, doing):
    for act in (jd.describe, jd.open_source):
        with pytest.raises(error) as raised:
            act(config(f"{__name__}.{name}"))
        assert raised.value.__notes__ == [f"This was raised {doing} dataset '{__name__}.{name}'."]


@pytest.mark.parametrize("entry", ["images", "targets"])
def test_images_beyond_the_range_are_refused(entry, config, monkeypatch):
    odd = {"targets": IMAGES, entry: np.linspace(-1, 255, 640).reshape(40, 4, 4, 1)}
    monkeypatch.setitem(WRONG, "odd values", lambda: source(**odd))
    with pytest.raises(UserError, match=rf"the {entry} .* from -1 to 255; they must be uint8, or"):
        jd.open_source(config(f"{__name__}.wrong", told="odd values"))


@pytest.mark.parametrize("values", [np.linspace(0, 1, 640)])
@pytest.mark.parametrize("entry", ["images", "targets"])
def test_odd_values_are_told_once(values, entry, config, caplog, monkeypatch):
    warn_once.cache_clear()
    odd = {"targets": IMAGES, entry: values.reshape(40, 4, 4, 1).astype(np.float32)}
    monkeypatch.setitem(WRONG, "odd values", lambda: source(**odd))
    data = config(f"{__name__}.wrong", told="odd values")
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            jd.open_source(data)
    (told,) = [record.getMessage() for record in caplog.records]
    assert told.startswith(f"the {entry} of the train split of dataset '{__name__}.wrong'")
    assert told.endswith("they should be uint8, or float32 in [-1, 1]")


def test_a_module_is_not_a_dataset(config):
    with pytest.raises(UserError, match=r"has no dataset 'godo'; did you mean 'good'"):
        jd.describe(config(f"{__name__}.godo"))
    pytest.importorskip("tensorflow_datasets")
    with pytest.raises(UserError, match=f"name a function: '{__name__}.FUNCTION'"):
        jd.describe(config(__name__))
