"""Moments of latents: encoded in order, kept whole or not at all, and read again."""

import contextlib
import json
import threading

import numpy as np
import pytest

from jaxgan import data
from jaxgan.base.errors import UserError
from jaxgan.base.files import WriteError
from jaxgan.data import latents
from jaxgan.data.source import Spec

N = 11


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "jaxgan" / "latents"


def pictures(labelled=True, **known):
    values = np.random.RandomState(0).randint(0, 256, (N, 4, 4, 1)).astype(np.uint8)
    labels = np.arange(N) % 3 if labelled else None
    known = {"digest": "content"} | known
    return data.in_memory("some/data:1.0", "train", values, labels, 3 if labelled else 0, **known)


class Encoder:
    """Halves of an image as mean and deviation [2, 2, 2]; it remembers what it was given."""

    def __init__(self):
        self.seen = 0

    def __call__(self, images):
        self.seen += len(images)
        x = images.astype(np.float32) / 64
        return np.concatenate([x[:, :2, :2], x[:, 2:, 2:]] * 2, -1).astype(latents.DTYPE)


def keep(images, encode, flip=False, batch_size=4, **made_by):
    source = latents.encoded(images, encode, (2, 2, 2), flip=flip)
    return latents.kept(images, source, {"autoencoder": "a", **made_by}, batch_size)


def files(cache, ending):
    return sorted(p for p in cache.iterdir() if p.name.endswith(ending))


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("labelled", [False, True])
def test_rows_are_those_of_the_encoder(cache, flip, labelled):
    images, encode = pictures(labelled), Encoder()
    source = keep(images, encode, flip)
    values = images.read(np.arange(N))["image"]
    if flip:
        values = np.concatenate([values, values[:, :, ::-1]])
    rows = source.read(np.arange(source.size))
    assert source.size == len(values) == encode.seen
    assert source.shape == (2, 2, 4)
    assert rows["image"].dtype == np.float16
    np.testing.assert_array_equal(rows["image"], Encoder()(values))
    assert type(rows["image"]) is np.ndarray
    if labelled:
        expected = np.tile(np.arange(N) % 3, 2)[: len(values)]
        np.testing.assert_array_equal(rows["label"], expected)
        np.testing.assert_array_equal(source.labels(np.array([1, 5])), expected[[1, 5]])
    assert ("label" in rows) is labelled
    np.testing.assert_array_equal(source.read(np.array([7, 2]))["image"], rows["image"][[7, 2]])


def test_what_is_kept_is_not_encoded_again(cache):
    first = keep(pictures(), Encoder())
    again = Encoder()
    second = keep(pictures(), again)
    assert again.seen == 0
    left, right = (s.read(np.arange(N)) for s in (first, second))
    np.testing.assert_array_equal(left["image"], right["image"])
    np.testing.assert_array_equal(left["label"], right["label"])
    assert not [p for p in cache.iterdir() if p.name.startswith(".")]


@pytest.mark.parametrize(
    ("known", "made_by"),
    [
        ({"digest": "other content"}, {}),
        ({}, {"autoencoder": "b"}),
        ({}, {"flip": True}),
        ({}, {"pad": 32}),
    ],
)
def test_another_origin_is_another_file(cache, known, made_by):
    keep(pictures(), Encoder())
    again = Encoder()
    keep(pictures(**known), again, **made_by)
    assert again.seen == (2 * N if "flip" in made_by else N)
    assert len(files(cache, ".json")) == 2


def test_without_a_digest_it_goes_by_the_content(cache):
    images, again = pictures(digest=""), Encoder()
    keep(images, Encoder())
    keep(images, again)
    assert again.seen == 0
    values = images.read(np.arange(N))["image"].copy()
    values[3, 0, 0, 0] ^= 1
    other = data.in_memory("some/data:1.0", "train", values, np.arange(N) % 3, 3)
    keep(other, again)
    assert again.seen == N


def cut(path):
    path.write_bytes(path.read_bytes()[:-7])


def lengthen(path):
    path.write_bytes(path.read_bytes() + b"more")


@pytest.mark.parametrize(
    "damage", [cut, lengthen, lambda p: p.unlink(), lambda p: p.write_text("")]
)
@pytest.mark.parametrize("ending", ["_labels.npy", ".npy", ".json"])
def test_what_is_damaged_is_encoded_again(cache, damage, ending):
    expected = keep(pictures(), Encoder()).read(np.arange(N))
    damage(next(p for p in files(cache, ending) if ending != ".npy" or "labels" not in p.name))
    again = Encoder()
    found = keep(pictures(), again).read(np.arange(N))
    assert again.seen == N
    np.testing.assert_array_equal(found["image"], expected["image"])
    np.testing.assert_array_equal(found["label"], expected["label"])


def test_a_record_of_another_autoencoder_is_not_trusted(cache):
    keep(pictures(), Encoder())
    (record,) = files(cache, ".json")
    record.write_text(json.dumps(json.loads(record.read_text()) | {"autoencoder": "b"}))
    again = Encoder()
    keep(pictures(), again)
    assert again.seen == N


def test_a_failure_leaves_nothing_that_is_trusted(cache):
    def fails(images):
        raise UserError("the image 5 cannot be read")

    with pytest.raises(UserError, match="image 5"):
        keep(pictures(), fails)
    assert {p.suffix for p in cache.iterdir()} == {".lock"}


def test_a_file_left_by_a_killed_process_is_taken_away(cache):
    keep(pictures(), Encoder())
    (record,) = files(cache, ".json")
    left = cache / f".123.{record.stem}.npy"
    left.write_bytes(b"half")
    record.unlink()
    keep(pictures(), Encoder())
    assert not left.exists()


@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_numbers_that_16_bits_cannot_hold_are_refused(value):
    def encode(images):
        return np.full((len(images), 2, 2, 4), value, np.float16)

    with pytest.raises(UserError, match="images 0 to 3 are not finite, or too large"):
        keep(pictures(), encode)


def test_of_two_at_once_one_encodes(cache):
    """As two processes: each opens the lock's file for itself."""
    encode, found = Encoder(), []
    threads = [
        threading.Thread(target=lambda: found.append(keep(pictures(), encode))) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3
    assert encode.seen == N


def test_no_home_is_told(monkeypatch):
    monkeypatch.setattr(latents.files, "cache", lambda kind: None)
    with pytest.raises(UserError, match="set XDG_CACHE_HOME"):
        keep(pictures(), Encoder())


def test_a_full_disk_is_told(cache, monkeypatch):
    @contextlib.contextmanager
    def full(path):
        with latents.files.writing(path):
            raise OSError(28, "No space left on device")
        yield

    monkeypatch.setattr(latents.files, "replacing", full)
    with pytest.raises(WriteError, match="No space left"):
        keep(pictures(), Encoder())


def test_data_without_images_alone_are_refused():
    with pytest.raises(UserError, match="'ring' are points"):
        latents.check(Spec((2,), 0, 5), "ring")
    with pytest.raises(UserError, match="'pairs' has targets"):
        latents.check(Spec((8, 8, 1), 0, 5, target=(8, 8, 1)), "pairs")
