"""Photos and masks of all kinds, written anew."""

import numpy as np
import pytest
from PIL import Image, ImageOps

from wsss_tf.data.build.convert import photo_kind, smaller, write_map, write_mask, write_photo
from wsss_tf.data.build.labelmap import read_labelmap
from wsss_tf.errors import InputError
from wsss_tf.files.images import read_grey, read_ids, read_labels, read_photo

RNG = np.random.default_rng(0)
PHOTO = RNG.integers(0, 256, [24, 40, 3], np.uint8)
LABELS = np.zeros([24, 40], np.uint8)
LABELS[3:12, 5:20], LABELS[14:, 30:] = 1, 2


@pytest.fixture
def saved(tmp_path):
    """The function (image, name, options) -> file."""
    def save(image, name, **options):
        path = tmp_path / name
        (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(path, **options)
        return path

    return save


def written(tmp_path, source, suffix=".png", **settings) -> np.ndarray:
    write_photo(tmp_path / f"made{suffix}", source, **settings)
    return read_photo(tmp_path / f"made{suffix}")


@pytest.mark.parametrize("name, options", [("p.bmp", {}), ("p.tif", {}), ("p.tiff", {"compression": "tiff_lzw"}),
                                           ("p.webp", {"lossless": True}), ("p.png", {})])
def test_lossless_formats_keep_every_pixel(tmp_path, saved, name, options):
    np.testing.assert_array_equal(written(tmp_path, saved(PHOTO, name, **options)), PHOTO)


def test_what_is_as_it_should_be_is_copied(tmp_path, saved):
    for name, options in (("p.jpg", {"quality": 30}), ("p.jfif", {"format": "JPEG"}), ("p.png", {})):
        path = saved(PHOTO, name, **options)
        target = tmp_path / ("made" + (".jpg" if photo_kind(path).jpeg else ".png"))
        write_photo(target, path)
        assert target.read_bytes() == path.read_bytes()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["png", "jpg", "tif"])
def test_turned_photos_become_upright_as_viewers_show_them(tmp_path, saved, orientation, kind):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(np.kron(PHOTO, np.ones([8, 8, 1], np.uint8)), f"p.{kind}", exif=exif)
    expected = np.asarray(ImageOps.exif_transpose(Image.open(path)).convert("RGB")).astype(int)
    found = written(tmp_path, path, ".jpg" if kind == "jpg" else ".png")
    assert photo_kind(tmp_path / f"made{'.jpg' if kind == 'jpg' else '.png'}").orientation == 1
    assert found.shape == expected.shape and np.abs(found - expected).mean() < (3 if kind == "jpg" else 1e-9)


def test_transparent_pixels_become_white(tmp_path, saved):
    alpha = np.zeros([24, 40, 1], np.uint8)
    alpha[:, 20:] = 255
    found = written(tmp_path, saved(np.concatenate([PHOTO, alpha], 2), "p.png"))
    assert (found[:, :20] == 255).all()
    np.testing.assert_array_equal(found[:, 20:], PHOTO[:, 20:])
    grey = np.concatenate([PHOTO[..., :1], alpha], 2)
    assert (written(tmp_path, saved(Image.fromarray(grey, "LA"), "q.png"))[:, :20] == 255).all()


def test_a_transparent_colour_of_a_palette_becomes_white(tmp_path, saved):
    image = Image.fromarray(LABELS, "P")
    image.putpalette([0, 0, 0, 200, 0, 0, 0, 0, 200])
    found = written(tmp_path, saved(image, "p.png", transparency=0))
    np.testing.assert_array_equal(found[LABELS == 0], 255)
    np.testing.assert_array_equal(found[LABELS == 1], [[200, 0, 0]] * (LABELS == 1).sum())


def test_sixteen_bits_become_eight(tmp_path, saved):
    deep = PHOTO[..., 0].astype(np.uint16) * 257
    for name in ("p.png", "p.tif"):
        np.testing.assert_array_equal(written(tmp_path, saved(deep, name))[..., 1], PHOTO[..., 0])


def test_cmyk_becomes_rgb(tmp_path, saved):
    found = written(tmp_path, saved(Image.new("CMYK", (40, 24), (0, 255, 255, 0)), "p.jpg"), ".jpg")
    assert np.abs(found.astype(int) - [255, 0, 0]).max() < 5


@pytest.mark.parametrize("name", ["p.jpg", "p.png", "p.webp"])
def test_larger_photos_become_smaller_and_smaller_ones_stay(tmp_path, saved, name):
    smooth = np.asarray(Image.fromarray(PHOTO).resize((1000, 600), Image.Resampling.BICUBIC))
    suffix = ".jpg" if name == "p.jpg" else ".png"
    found = written(tmp_path, saved(smooth, name), suffix, long_side=50)
    assert found.shape == (30, 50, 3)
    expected = np.asarray(Image.fromarray(smooth).resize((50, 30), Image.Resampling.LANCZOS)).astype(int)
    assert np.abs(found - expected).mean() < 8
    assert written(tmp_path, saved(PHOTO, name), suffix, long_side=50).shape == (24, 40, 3)


def test_photos_of_200_megapixels_are_made_smaller(tmp_path, saved):
    path = saved(Image.new("L", (16320, 12240), 90), "large.jpg", quality=30)
    assert written(tmp_path, path, ".jpg", long_side=1000).shape == (750, 1000, 3)
    assert Image.MAX_IMAGE_PIXELS == 89478485


@pytest.mark.parametrize("size, long_side, expected", [
    ((4000, 2999), 500, (500, 375)), ((2999, 4000), 500, (375, 500)), ((30, 20), 30, (30, 20)), ((30, 20), None, (30, 20)),
    ((9000, 3), 100, (100, 1))])
def test_smaller_sizes(size, long_side, expected):
    assert smaller(size, long_side) == expected


@pytest.mark.parametrize("content, words", [
    (b"", "another kind of file"), (b"%!PS-Adobe-3.0", "another kind of file"), (None, "no such file"),
    (b"BM" + bytes(60), "not a readable image|another kind")])
def test_photos_that_cannot_be_read(tmp_path, content, words):
    path = tmp_path / "p.bmp"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=words) as error:
        write_photo(tmp_path / "made.png", path)
    assert str(path) in str(error.value) and not (tmp_path / "made.png").exists()


def test_truncated_photos_leave_nothing(tmp_path, saved):
    path = saved(PHOTO, "p.tif", compression="tiff_lzw")
    path.write_bytes(path.read_bytes()[:900])
    with pytest.raises(InputError):
        write_photo(tmp_path / "made.png", path)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["p.tif"]


def test_real_numbers_are_no_photo(tmp_path, saved):
    with pytest.raises(InputError, match="found real numbers"):
        write_photo(tmp_path / "made.png", saved(PHOTO[..., 0].astype(np.float32), "p.tif"))


def mask_of(tmp_path, source, **settings) -> np.ndarray:
    write_mask(tmp_path / "mask.png", source, **settings)
    assert Image.open(tmp_path / "mask.png").mode == "P"
    return read_labels(tmp_path / "mask.png")


@pytest.mark.parametrize("name, options", [("m.png", {}), ("m.bmp", {}), ("m.tif", {}), ("m.gif", {})])
def test_masks_of_numbers(tmp_path, saved, name, options):
    np.testing.assert_array_equal(mask_of(tmp_path, saved(LABELS, name, **options)), LABELS)


def test_colours_without_a_labelmap_mean_nothing(tmp_path, saved):
    with pytest.raises(InputError, match="found mode RGB: name the classes of its colours by --labelmap"):
        mask_of(tmp_path, saved(LABELS, "m.webp", lossless=True))


def test_masks_of_arrays(tmp_path):
    for kind in (np.int32, np.uint8, np.int64, bool):
        labels = LABELS.astype(kind)
        np.save(tmp_path / "m.npy", labels)
        np.testing.assert_array_equal(mask_of(tmp_path, tmp_path / "m.npy"), labels)
    np.save(tmp_path / "m.npy", np.where(LABELS == 2, -1, LABELS).astype(np.int32))
    np.testing.assert_array_equal(mask_of(tmp_path, tmp_path / "m.npy"), np.where(LABELS == 2, 255, LABELS))


@pytest.mark.parametrize("array, words", [
    (np.zeros([4, 4, 3], np.uint8), "whole numbers .H, W."), (np.zeros([4, 4]), "whole numbers"),
    (np.full([4, 4], 256), "numbers 0 to 255"), (np.full([4, 4], -2), "numbers 0 to 255"),
    (np.array([{}], object), "not a readable array")])
def test_arrays_that_are_no_masks(tmp_path, array, words):
    np.save(tmp_path / "m.npy", array, allow_pickle=array.dtype == object)
    with pytest.raises(InputError, match=f"m.npy: .*{words}"):
        mask_of(tmp_path, tmp_path / "m.npy")


def test_masks_of_one_bit(tmp_path, saved):
    np.testing.assert_array_equal(mask_of(tmp_path, saved(Image.fromarray(LABELS > 0), "m.png")), LABELS > 0)


def test_a_mask_that_went_through_jpeg_is_refused(tmp_path, saved):
    with pytest.raises(InputError, match="m.jpg: expected numbers of classes, found a JPEG"):
        mask_of(tmp_path, saved(LABELS, "m.jpg"))


COLOURS = np.uint8([[0, 0, 0], [48, 112, 32], [176, 112, 32]])


@pytest.fixture
def labelmap(tmp_path):
    (tmp_path / "labelmap.txt").write_text("background:0,0,0::\ndisc:48,112,32::\nsquare:176,112,32::\n")
    return read_labelmap(tmp_path / "labelmap.txt")


def test_masks_in_colours(tmp_path, saved, labelmap):
    coloured = Image.fromarray(COLOURS[LABELS])
    images = {"m.png": coloured, "rgba.png": coloured.convert("RGBA"), "by_count.png": coloured.quantize(3), "m.bmp": coloured}
    for name, image in images.items():
        np.testing.assert_array_equal(mask_of(tmp_path, saved(image, name), labelmap=labelmap), LABELS)
    seen = np.concatenate([COLOURS[LABELS] + np.uint8(3), np.where(LABELS > 0, 255, 0).astype(np.uint8)[..., None]], 2)
    seen[LABELS > 0, :3] = COLOURS[LABELS][LABELS > 0]
    np.testing.assert_array_equal(mask_of(tmp_path, saved(seen, "layer.png"), labelmap=labelmap), LABELS)


def test_white_objects_of_one_class(tmp_path, saved):
    (tmp_path / "white.txt").write_text("background:0,0,0\ncrack:255,255,255\n")
    white = read_labelmap(tmp_path / "white.txt")
    for mode in ("L", "1", "RGB"):
        path = saved(Image.fromarray(np.where(LABELS > 0, 255, 0).astype(np.uint8)).convert(mode), "m.png")
        np.testing.assert_array_equal(mask_of(tmp_path, path, labelmap=white), LABELS > 0)


def test_smaller_and_turned_masks_keep_their_numbers(tmp_path, saved):
    large = np.kron(LABELS, np.ones([10, 10], np.uint8))
    np.testing.assert_array_equal(mask_of(tmp_path, saved(large, "m.png"), long_side=40), LABELS)
    for turn, upright in ((3, LABELS[::-1, ::-1]), (6, np.rot90(LABELS, -1)), (8, np.rot90(LABELS)), (2, LABELS[:, ::-1])):
        np.testing.assert_array_equal(mask_of(tmp_path, saved(LABELS, "m.png"), turn=turn), upright)


def test_grey_maps_of_both_depths(tmp_path, saved):
    for values, read in ((PHOTO[..., 0], read_grey), (PHOTO[..., 0].astype(np.uint16) * 200, read_ids)):
        write_map(tmp_path / "map.png", saved(np.kron(values, np.ones([4, 4], values.dtype)), "m.tif"), long_side=40)
        np.testing.assert_array_equal(read(tmp_path / "map.png"), values)
    with pytest.raises(InputError, match="expected a grey map"):
        write_map(tmp_path / "map.png", saved(PHOTO, "m.png"))
