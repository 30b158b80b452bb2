"""Segmentation scores against scikit-learn, and Cityscapes' classes against its published table."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from sklearn import metrics

from hdsynth_tf.evaluate import quality
from hdsynth_tf.evaluate.segmentation import VOID, EvaluatedClasses, confusion_matrix, scores
from pipelines.cityscapes import CLASSES, Cityscapes
from pipelines.errors import DataError
from pipelines.toy_street import ToyStreet

TRAIN_IDS = {  # of the dataset's own scripts: id -> train id
    7: 0, 8: 1, 11: 2, 12: 3, 13: 4, 17: 5, 19: 6, 20: 7, 21: 8, 22: 9, 23: 10, 24: 11, 25: 12, 26: 13, 27: 14, 28: 15,
    31: 16, 32: 17, 33: 18,
}  # fmt: skip


def maps(seed, classes=5, shape=(3, 20, 30)):
    """True classes, some void, and found ones, half of them right."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(-1, classes, shape)
    return truth, np.where(rng.random(shape) < 0.5, truth.clip(0), rng.integers(0, classes, shape))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 8))
def test_confusion_and_scores_equal_scikit_learns(seed, classes):
    truth, found = maps(seed, classes)
    known = truth != VOID
    labels = np.arange(classes)
    confusion = confusion_matrix(truth, found, classes)
    np.testing.assert_array_equal(
        confusion[:, :-1], metrics.confusion_matrix(truth[known], found[known], labels=labels)
    )
    assert not confusion[:, -1].any()
    result = scores(confusion)
    assert result["pixel_accuracy"] == pytest.approx(metrics.accuracy_score(truth[known], found[known]))
    assert result["class_accuracy"] == pytest.approx(metrics.balanced_accuracy_score(truth[known], found[known]))
    expected = metrics.jaccard_score(truth[known], found[known], labels=labels, average=None)
    np.testing.assert_allclose(result["class_iou"], expected)
    assert result["mean_iou"] == pytest.approx(expected.mean())


def test_matrices_of_images_add_up_and_scores_take_many():
    truth, found = maps(1)
    parts = np.stack([confusion_matrix(t, f, 5) for t, f in zip(truth, found)])
    np.testing.assert_array_equal(parts.sum(0), confusion_matrix(truth, found, 5))
    for key, values in scores(parts).items():
        np.testing.assert_allclose(values, np.stack([scores(part)[key] for part in parts]))


def test_classes_that_do_not_occur_are_left_out_of_the_mean():
    truth, found = np.array([0, 0, 1, 1]), np.array([0, 0, 1, 0])
    result = scores(confusion_matrix(truth, found, 4))
    assert result["mean_iou"] == pytest.approx((2 / 3 + 1 / 2) / 2) and np.isnan(result["class_iou"][2:]).all()
    assert result["class_accuracy"] == pytest.approx(0.75)


def test_found_as_no_class_is_wrong_and_counts():
    result = scores(confusion_matrix(np.array([0, 0, 1, 1]), np.array([0, VOID, 1, 99]), 2))
    assert result["pixel_accuracy"] == 0.5 and result["mean_iou"] == 0.5


def test_nothing_to_score_is_no_number():
    result = scores(confusion_matrix(np.full(4, VOID), np.zeros(4, int), 2))
    assert all(np.isnan(value).all() for value in result.values())


def test_cityscapes_ids_become_train_ids():
    source = Cityscapes.__new__(Cityscapes)
    source.formats = {"label_map": ((), "int32")}
    classes = EvaluatedClasses.of(source)
    label_map = np.arange(-2, 60)
    np.testing.assert_array_equal(classes(label_map), [TRAIN_IDS.get(label, VOID) for label in label_map])
    assert classes.names[:3] == ("road", "sidewalk", "building") and classes.names[18] == "bicycle"
    assert classes.colors[13] == dict(CLASSES)["car"] and len(classes) == 19


def test_labels_of_ones_own_and_dont_care():
    source = ToyStreet(1, 16, 32)
    assert len(EvaluatedClasses.of(source)) == 10
    classes = EvaluatedClasses.of(source, (6, 3))
    assert classes.names == ("car", "road")
    np.testing.assert_array_equal(classes(np.array([3, 6, 0, 255, -1])), [1, 0, VOID, VOID, VOID])
    source.dont_care = (3,)
    assert EvaluatedClasses.of(source).names == tuple(name for name in source.class_names if name != "road")
    with pytest.raises(DataError, match="Label 10 is none of the 10 classes"):
        EvaluatedClasses.of(source, (1, 10))
    with pytest.raises(DataError, match="no label maps"):
        EvaluatedClasses.of(ToyStreet(1, 16, 32, thermal=True))


@pytest.mark.parametrize("shape", [(24, 40, 3), (64, 48, 3)])
def test_psnr_and_ssim_equal_scikit_images(rng, shape):
    real = rng.integers(0, 256, shape).astype("uint8")
    fake = np.clip(real + rng.normal(0, 25, shape), 0, 255).astype("uint8")
    found = quality.score(*(picture[None].astype("float32") for picture in (fake, real)))
    assert found["psnr"] == pytest.approx(peak_signal_noise_ratio(real, fake, data_range=255), abs=1e-4)
    expected = structural_similarity(
        real, fake, data_range=255, channel_axis=-1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    assert found["ssim"] == pytest.approx(expected, abs=1e-4)
