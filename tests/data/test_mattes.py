"""Mattes as others store them are read as they are meant; what is none is refused before training."""

import cv2
import numpy as np
import PIL.Image
import pytest

import launch
from pegasus_jax.data import read_dataset
from pegasus_jax.data.mattes import check_mattes
from pegasus_jax.errors import UserError
from tests.training import tiny


@pytest.fixture
def folder(tmp_path):
    return tiny.write_dataset(tmp_path / "clip")


def person(number: int) -> np.ndarray:
    return tiny.picture(number)[1]


def hard(number: int) -> np.ndarray:
    return np.where(person(number) > 127, 255, 0).astype(np.uint8)


def replace(folder, make) -> None:
    """The mattes of all frames by `make` of their numbers."""
    for number in range(1, tiny.NUM_FRAMES + 1):
        mask = make(number)
        if isinstance(mask, PIL.Image.Image):
            mask.save(folder / "mask" / f"{number}.png")
        else:
            assert cv2.imwrite(str(folder / "mask" / f"{number}.png"), mask)


def palette(colours, *, transparency=None):
    """Pictures of two colours by their number in a palette."""

    def make(number):
        picture = PIL.Image.fromarray((hard(number) > 0).astype(np.uint8), mode="P")
        picture.putpalette([value for colour in colours for value in colour])
        if transparency is not None:
            picture.info["transparency"] = transparency
        return picture

    return make


def cutout(number: int) -> np.ndarray:
    image, matte, _ = tiny.picture(number)
    return np.dstack([image[..., ::-1], matte])


@pytest.mark.filterwarnings("ignore:'mode' parameter")
@pytest.mark.parametrize(
    ("make", "expected", "note"),
    [
        (person, person, None),
        (lambda number: hard(number) // 255, hard, "its mattes end at 1, not at 255; 1 is taken to be the person"),
        (lambda number: hard(number) // 255 * 200, hard, "its mattes end at 200"),
        (lambda number: np.dstack([hard(number) // 255] * 3), hard, "its mattes end at 1,"),
        (palette([(0, 0, 0), (255, 255, 255)]), hard, None),
        (palette([(0, 0, 0), (128, 0, 0)]), hard, "its mattes end at 38, not at 255"),
        (palette([(9, 9, 9), (70, 80, 90)], transparency=bytes([0, 255])), hard, None),
        (lambda number: PIL.Image.fromarray(hard(number)).convert("1"), hard, None),
        (lambda number: person(number).astype(np.uint16) * 257, person, None),
        (lambda number: person(number).astype(np.uint16), person, "end at 255, not at 65535; 255 is taken"),
        (lambda number: (hard(number) // 255).astype(np.uint16), hard, "its mattes end at 1, not at 65535"),
        (cutout, person, None),
        (lambda number: np.dstack([*[person(number)] * 3, np.full_like(person(number), 255)]), person, None),
    ],
    ids=[
        "soft",
        "0/1",
        "0/200",
        "0/1 RGB",
        "palette",
        "colour",
        "clear",
        "bit",
        "16",
        "8 in 16",
        "1 in 16",
        "cut",
        "RGBA",
    ],
)
def test_mattes_are_read_as_they_are_meant(folder, make, expected, note):
    replace(folder, make)
    dataset = read_dataset(folder)
    np.testing.assert_array_equal(dataset.masks(), np.stack([expected(number) for number in dataset.numbers]))
    assert len(dataset.notes) == (note is not None) and (note or "") in "".join(dataset.notes)
    check_mattes(dataset)


def test_an_empty_matte_among_others_says_nothing_of_their_scale(folder):
    replace(folder, lambda number: (hard(number) // 255) * (number > 5))
    dataset = read_dataset(folder)
    np.testing.assert_array_equal(dataset.masks(indices=[0, 7]), [np.zeros_like(hard(1)), hard(8)])


def test_mattes_of_one_value_say_nothing_of_their_scale(folder):
    replace(folder, lambda number: np.full_like(person(number), 200))
    dataset = read_dataset(folder)
    assert dataset.notes == () and (dataset.masks() == 200).all()


def noise(number: int) -> np.ndarray:
    return np.random.default_rng(number).integers(0, 256, (tiny.SIDE, tiny.SIDE), dtype=np.uint8)


@pytest.mark.parametrize(
    ("make", "fault"),
    [
        (lambda number: 0 * person(number), "they are black, with no value above 0"),
        (lambda number: person(number) // 80, "they are black, with no value above 3"),
        (lambda number: 0 * person(number) + 255, "they are white all over"),
        (lambda number: 255 - person(number), "they are black where the tracked head is"),
        (lambda number: np.roll(person(number), tiny.SIDE // 2, axis=1), "they are black where the tracked head is"),
        (noise, "of their pixels are neither dark nor bright, so they are pictures or noise"),
        (lambda number: tiny.picture(number)[0], "of their pixels are neither dark nor bright"),
        (lambda number: np.where(noise(number) > 127, 255, 0).astype(np.uint8), "scattered dots"),
    ],
    ids=["black", "labels", "white", "inverted", "elsewhere", "noise", "the pictures", "dots"],
)
def test_what_is_no_matte_of_a_person_is_refused_before_training(folder, tmp_path, capsys, make, fault):
    replace(folder, make)
    with pytest.raises(UserError, match=rf"clip/mask/1\.png: the mattes of this frame and 7 others .*{fault}"):
        check_mattes(read_dataset(folder))
    head = tiny.write_head(tmp_path / "head.npz")
    workdir = tmp_path / "run"
    assert launch.main(["train", f"--data={folder}", f"--workdir={workdir}", f"--head={head}"]) == 2
    assert fault in capsys.readouterr().err and not workdir.exists()
