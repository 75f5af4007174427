"""What the data tests share: configs, refused mistakes, image files, and a tiny TFDS dataset."""

import io
import json
import types

import numpy as np
import pytest
from PIL import Image

from jaxgan import data as jd
from jaxgan.base.errors import UserError


@pytest.fixture
def config():
    """config(name, ...) -> the data part of a config, with the default of every other field."""

    def make(name, **fields):
        data = types.SimpleNamespace(name=name, data_dir="", split="train", bad_images="error")
        vars(data).update({"image_size": 0, "channels": 0, **fields})
        return data

    return make


@pytest.fixture
def refused():
    """refused(call, ...) -> the message of the UserError that it raises, which is one line."""

    def check(call, *arguments, **keywords):
        with pytest.raises(UserError) as caught:
            call(*arguments, **keywords)
        message = str(caught.value)
        assert "\n" not in message
        assert message
        return message

    return check


@pytest.fixture
def refused_by_both(refused):
    """refused_by_both(config) -> the message that open_source and describe both give."""

    def check(data, split=None):
        opened = refused(jd.open_source, data, split)
        assert refused(jd.describe, data, split) == opened
        return opened

    return check


@pytest.fixture
def draw():
    """draw(path, ...) writes an image of random pixels and returns them, uint8 [H, W, C]."""

    def write(path, shape=(8, 8, 3), seed=0, **options):
        pixels = np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels[..., 0] if shape[-1] == 1 else pixels).save(path, **options)
        return pixels

    return write


@pytest.fixture
def tfds_folder(tmp_path):
    """tfds_folder(name, ...) writes a TFDS array_record dataset, without TensorFlow.

    It returns the images and labels of its only split, 'train', in two shards where ``shards`` is
    2. ``size`` of None declares images of any size; ``damaged`` is the index of a record whose PNG
    is cut short; ``names`` are those of the four classes.
    """

    def write(
        name, *, count=7, size=8, declared=(8, 8, 3), damaged=None, shards=1, names=(), **info
    ):
        from array_record.python.array_record_module import ArrayRecordWriter
        from tensorflow_datasets.proto import tf_example_pb2

        folder = tmp_path / name / "1.0.0"
        folder.mkdir(parents=True)
        rng = np.random.default_rng(0)
        images = [rng.integers(0, 256, (size, size, 3), np.uint8) for _ in range(count)]
        labels = rng.integers(0, 4, count)
        lengths = [count // shards + (i < count % shards) for i in range(shards)]
        base = f"{name.split('/')[0]}-train.array_record"
        for i in range(count):
            if i in (0, lengths[0]):
                shard = folder / f"{base}-{i and 1:05}-of-{shards:05}"
                writer = ArrayRecordWriter(str(shard), "group_size:1")
            buffer = io.BytesIO()
            Image.fromarray(images[i]).save(buffer, "png")
            png = buffer.getvalue()
            example = tf_example_pb2.Example()
            feature = example.features.feature
            feature["image"].bytes_list.value.append(png[:-60] if i == damaged else png)
            feature["label"].int64_list.value.append(int(labels[i]))
            writer.write(example.SerializeToString())
            if i in (lengths[0] - 1, count - 1):
                writer.close()
        if names:
            (folder / "label.labels.txt").write_text("\n".join(names))
        dimensions = [str(n) if n else "-1" for n in declared]
        module = "tensorflow_datasets.core.features."
        features = {
            "image": {
                "pythonClassName": module + "image_feature.Image",
                "image": {"shape": {"dimensions": dimensions}, "dtype": "uint8"},
            },
            "label": {
                "pythonClassName": module + "class_label_feature.ClassLabel",
                "classLabel": {"numClasses": "4"},
            },
        }
        features = info.pop("features", features)
        split = {
            "filepathTemplate": "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}",
            "name": "train",
            "numBytes": "1",
            "shardLengths": [str(n) for n in lengths],
        }
        about = {
            "name": name.split("/")[0],
            "version": "1.0.0",
            "fileFormat": "array_record",
            "splits": [split],
            **info,
        }
        top = {
            "pythonClassName": module + "features_dict.FeaturesDict",
            "featuresDict": {"features": features},
        }
        (folder / "dataset_info.json").write_text(json.dumps(about))
        (folder / "features.json").write_text(json.dumps(top))
        return images, labels

    return write
