"""Two classes of a labelled set as unpaired domains, whatever the set is."""

import numpy as np
import pytest
from PIL import Image

from jaxgan import data as jd
from jaxgan.data import folder, image_files, npz


@pytest.fixture
def labelled(tmp_path, config, tfds_folder):
    """labelled(kind) -> a set's config, its arrays whole, and the names of two classes of it."""

    def make(kind):
        rng = np.random.default_rng(0)
        if kind == "npz":
            images = rng.integers(0, 256, (60, 4, 4, 1), np.uint8)
            np.savez(tmp_path / "x.npz", images=images, labels=np.arange(60) % 7 % 4)
            return config("npz", data_dir=str(tmp_path / "x.npz")), (3, 1), (3, 1)
        if kind == "folder":
            for i in range(24):
                path = tmp_path / "f" / ("cat", "dog", "horse")[i % 3] / f"{i}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(rng.integers(0, 256, (4, 4), np.uint8)).save(path)
            return config("folder", data_dir=str(tmp_path / "f")), ("horse", "cat"), (2, 0)
        if kind == "mnist":
            tfds_folder("mnist", count=30, names=("a", "b", "c", "d"))
            return config("mnist", data_dir=str(tmp_path)), ("b", "0"), (1, 0)
        return config(kind), ("3", 5), (3, 5)

    return make


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("kind", ["npz", "folder", "mnist", "digits", "ring"])
def test_the_samples_of_each_class_and_no_labels(labelled, monkeypatch, kind, lazy):
    if lazy:
        monkeypatch.setattr(image_files, "IN_MEMORY", 0)
    data, domains, numbers = labelled(kind)
    everything = jd.whole(jd.open_source(data))
    spec = jd.describe(data)
    data.domains = domains
    sources = jd.open_sources(data)
    assert list(sources) == ["image", "target"]
    for source, number in zip(sources.values(), numbers, strict=True):
        rows = jd.whole(source)
        assert set(rows) == {"image"}
        expected = everything["image"][everything["label"] == number]
        np.testing.assert_array_equal(rows["image"], expected)
        assert source.num_classes == 0
        assert source.labels is None
        assert jd.label_warnings(source) == []
        assert len(np.unique(jd.ids(source))) == source.size
    assert jd.open_source(data).size == sources["image"].size
    both = jd.describe(data)
    assert both == sources["image"].spec
    assert both.target == spec.shape
    assert (both.size, both.targets) == tuple(source.size for source in sources.values())
    # Of both: another sample of either is another digest.
    assert both.digest == spec.digest


def test_they_are_described_without_decoding(labelled, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("an image was decoded")

    for kind in ("folder", "npz", "mnist"):
        data, data_domains, _ = labelled(kind)
        data.domains = data_domains
        with monkeypatch.context() as patch:
            patch.setattr(image_files.images, "decode", refuse)
            patch.setattr(image_files.images, "fit", refuse)
            patch.setattr(npz, "open_npz", refuse)
            assert jd.describe(data).targets


def cyclegan(root, draw):
    for split, side, count in (("train", "A", 3), ("train", "B", 5), ("test", "A", 2)):
        for i in range(count):
            draw(root / f"{split}{side}" / f"{i}.png", seed=i + 10 * "AB".index(side))
    draw(root / "testB" / "9.png", seed=99)


def test_the_layout_of_cyclegan_is_splits_of_the_classes_a_and_b(tmp_path, config, draw, caplog):
    cyclegan(tmp_path, draw)
    data = config("folder", data_dir=str(tmp_path), domains=("A", "B"))
    for split, sizes in (("train", [3, 5]), ("test", [2, 1])):
        sources = jd.open_sources(data, split)
        assert [source.size for source in sources.values()] == sizes
        assert jd.describe(data, split) == sources["image"].spec
    assert jd.whole(sources["target"])["image"].shape == (1, 8, 8, 3)
    assert not caplog.messages
    swapped = jd.open_sources(config("folder", data_dir=str(tmp_path), domains=("B", "A")))
    assert [source.size for source in swapped.values()] == [5, 3]
    # Without domains it is what it always was.
    spec = jd.describe(config("folder", data_dir=str(tmp_path)))
    assert spec.classes == ("testA", "testB", "trainA", "trainB")


@pytest.mark.parametrize(
    ("domains", "told"),
    [
        (("cat", "hoarse"), "unknown class in data.domains 'hoarse'; did you mean 'horse'?"),
        (("cat", 3), "has the classes 0 to 2, and none 3"),
        (("cat", -1), "unknown class in data.domains '-1'"),
        (("cat", "cat"), "two classes, not 'cat' twice"),
        (("cat", 0), "two classes, not 'cat' twice"),
        (("cat",), "two classes, not 1"),
        (("cat", "dog", "horse"), "two classes, not 3"),
    ],
)
def test_what_are_no_two_classes(labelled, refused_by_both, domains, told):
    data, *_ = labelled("folder")
    data.domains = domains
    assert told in refused_by_both(data)


def test_names_of_classes_that_are_numbers_come_first(tmp_path, config, draw):
    for i, name in enumerate(("1", "2", "10")):
        for k in range(i + 1):
            draw(tmp_path / "train" / name / f"{k}.png")
    data = config("folder", data_dir=str(tmp_path), domains=(2, 10))
    assert [source.size for source in jd.open_sources(data).values()] == [2, 3]


def test_sets_without_two_domains_are_refused(tmp_path, config, draw, refused_by_both):
    for i in range(3):
        draw(tmp_path / "flat/train" / f"{i}.png")
        draw(tmp_path / "few/train" / "ab"[i % 2] / f"{i}.png")
    draw(tmp_path / "few/test/a/9.png")
    pair = ("a", "b")
    flat = config("folder", data_dir=str(tmp_path / "flat"), domains=pair)
    assert "has no labels" in refused_by_both(flat)
    few = config("folder", data_dir=str(tmp_path / "few"), domains=pair)
    assert "the test split of 'folder' has no sample of the class 'b'" in refused_by_both(
        few, "test"
    )
    assert "has no labels" in refused_by_both(config("swiss_roll", domains=pair))
    assert "is of pairs" in refused_by_both(
        config("pairs", data_dir=str(tmp_path / "flat"), domains=pair)
    )


@pytest.mark.parametrize("changed", ["a", "b"])
def test_the_digest_covers_both_domains(tmp_path, config, draw, changed):
    for name in "ab":
        for i in range(3):
            draw(tmp_path / "train" / name / f"{i}.png", seed=i)
    data = config("folder", data_dir=str(tmp_path), domains=("a", "b"))
    before = jd.describe(data)
    draw(tmp_path / "train" / changed / "1.png", seed=77)
    assert jd.describe(data).digest != before.digest
    assert jd.describe(data)._replace(digest="") == before._replace(digest="")


def test_a_folder_is_listed_alike_with_and_without_labels(tmp_path, draw):
    cyclegan(tmp_path, draw)
    assert folder.list_labels(str(tmp_path), "train", sides=True).tolist() == [0] * 3 + [1] * 5
