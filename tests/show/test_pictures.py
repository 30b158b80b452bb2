"""Arrays as pictures for people."""

import numpy as np
from PIL import Image

from hdsynth_tf.show.pictures import (
    CAPTION_HEIGHT,
    color_labels,
    draw_boxes,
    grid,
    histogram,
    show_image,
    show_inputs,
    show_values,
)
from pipelines.conditioning import ImageConditioning


def test_label_colours():
    labels = np.array([[0, 1], [1, 255]])
    rgb = color_labels(labels, [(10, 20, 30), (200, 100, 50)])
    np.testing.assert_array_equal(rgb, [[(10, 20, 30), (200, 100, 50)], [(200, 100, 50), (0, 0, 0)]])
    edged = color_labels(np.zeros((2, 2), int), [(100, 100, 100)], np.array([[1, 2], [1, 2]]))
    np.testing.assert_array_equal(edged[:, :, 0], [[100, 50], [100, 50]])


def test_sources_are_shown_through_their_window():
    source = np.array([[[0], [1000], [3000]]], "uint16")
    np.testing.assert_array_equal(show_values(source, (0, 2000))[0, :, 0], [0, 128, 255])
    conditioning = ImageConditioning(1, (0, 2000), image_channels=1, image_dtype="uint16", image_range=(1000, 2000))
    np.testing.assert_array_equal(show_inputs({"source": source}, conditioning)[0, :, 0], [0, 128, 255])
    np.testing.assert_array_equal(show_image(source, conditioning)[0, :, 0], [0, 0, 255])


def test_grid_keeps_pictures_apart_and_whole():
    pictures = [np.full((20, 30, 3), value, "uint8") for value in (50, 100, 150)]
    sheet = grid([pictures, pictures], ["a", "b", "c"])[CAPTION_HEIGHT:]
    for value in (50, 100, 150):
        assert (sheet == value).all(-1).sum() == 2 * 4 * 20 * 30  # small pictures are enlarged twice
    large = grid([[np.zeros((1024, 2048, 3), "uint8")] * 2], ["a", "b"])
    assert large.shape[1] < 1100


def test_saved_previews_are_lossless(tmp_path):
    from hdsynth_tf.generate.picture_folder import save_preview

    array = np.random.default_rng(0).integers(0, 256, (8, 9, 3)).astype("uint8")
    save_preview(array, tmp_path / "x.webp")
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "x.webp")), array)


def test_boxes_are_drawn_where_they_are_with_texts_over_them():
    grey, red, blue = np.full((60, 100, 3), 90, "uint8"), (255, 0, 0), (0, 0, 255)
    drawn = draw_boxes(grey, np.array([[10, 20, 60, 50.2], [70.3, 2, 100, 60]]), ["car 90%", "bus"], [red, blue])
    assert drawn.shape == grey.shape and (grey == 90).all()
    assert (drawn[49, 10:60] == red).all() and (drawn[20:50, 59] == red).all() and (drawn[20:50, 10] == red).all()
    assert (drawn[59, 70:] == blue).all() and (drawn[2:, 99] == blue).all()
    inside = drawn[21:49, 11:59], drawn[20:59, 71:99]
    assert all((part == 90).all() for part in inside) and (drawn[50:, :70] == 90).all()
    above = drawn[8:19, 10:40]
    assert (above == red).all(-1).mean() > 0.3 and not (above == red).all() and (drawn[:20] != 90).any()
    assert (drawn[3:10, 71:80] == blue).all(-1).any()  # there is no room above the bus
    np.testing.assert_array_equal(draw_boxes(grey, np.zeros((0, 4)), [], []), grey)


def test_a_histogram_has_no_gaps_between_whole_numbers_and_room_for_its_numbers():
    drawn = histogram(np.arange(256, dtype="float32").repeat(3), (0.0, 255.0), "Values")
    bars = drawn[100, 14:-14]
    assert (bars == (90, 110, 140)).all()  # as often each: one block
    assert (drawn[-20:] != 255).any() and (drawn[:, -8:] == 255).all()  # the last number ends at its line
