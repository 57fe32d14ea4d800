"""What makes the cast a ground truth: a swap changes its part and nothing else, and masks are exact."""

import numpy as np
import pytest
import scipy.ndimage

from pegasus_jax.data import Camera
from pegasus_jax.demo.clips import aim
from pegasus_jax.demo.look import Look
from pegasus_jax.demo.people import ATTRIBUTES, CAST
from pegasus_jax.demo.stage import Stage
from pegasus_jax.flame import builtin_head
from pegasus_jax.flame.model import JAW_OPEN, NUM_EXPRESSION, POSE_SIZE

SIZE = (64, 64)
POSE = np.zeros(POSE_SIZE, np.float32)
POSE[4], POSE[JAW_OPEN] = 0.35, 0.1
EXPRESSION = np.zeros(NUM_EXPRESSION, np.float32)


def picture(wearer, wearing=None, *, size=SIZE, supersample=2):
    worn = {attribute: CAST[name] for attribute, name in (wearing or {}).items()}
    stage = Stage(builtin_head(), Look(CAST[wearer], worn))
    world_mats, intrinsics = aim(stage.anatomy, np.zeros((1, 3)), image_size=size)
    camera = Camera.from_imavatar(world_mats[0], intrinsics, image_size=size)
    return stage.render(EXPRESSION, POSE, camera, supersample=supersample)


@pytest.mark.parametrize(
    ("attribute", "wearer", "donor"),
    [
        *(("hair", "ada", "cleo"), ("hair", "dan", "ada"), ("hair", "ben", "dan"), ("hat", "ben", "eve")),
        *(("hat", "eve", "finn"), ("nose", "ada", "dan"), ("eyes", "dan", "cleo")),
        *(("eyebrows", "eve", "ben"), ("mouth", "ben", "ada")),
    ],
)
def test_a_swap_changes_its_part_and_nothing_else(attribute, wearer, donor):
    own, swapped = picture(wearer), picture(wearer, {attribute: donor})
    concerned = {attribute, "hair"} if attribute == "hat" else {attribute}
    region = sum(p.parts[a].astype(int) for p in (own, swapped) for a in concerned) > 0
    region = scipy.ndimage.binary_dilation(region, iterations=2)
    difference = np.abs(own.image.astype(int) - swapped.image).max(axis=-1)
    assert difference[~region].max() <= 3  # of 255: the tail of an eye shadow
    assert (difference[region] > 8).sum() > 10


def test_the_donors_part_is_worn_not_only_the_wearers_removed():
    hat = picture("ben", {"hat": "eve"}).parts["hat"]
    assert (hat > 128).sum() > 100
    bald, hairy = picture("ada", {"hair": "dan"}), picture("dan", {"hair": "ada"})
    assert bald.parts["hair"].max() == 0
    assert (hairy.parts["hair"] > 128).sum() > 300


def test_wearing_ones_own_part_changes_nothing():
    same = picture("ada", dict.fromkeys(ATTRIBUTES[:1] + ATTRIBUTES[2:], "ada"))
    np.testing.assert_array_equal(same.image, picture("ada").image)


def test_masks_agree_with_the_picture():
    for name in CAST:
        shot = picture(name)
        background = shot.mask == 0
        assert 0.2 < background.mean() < 0.8
        assert (shot.image[background] == 255).all()
        assert set(shot.parts) == set(ATTRIBUTES)
        for part in shot.parts.values():
            assert (part <= shot.mask).all()
        assert (shot.parts["hat"].max() > 0) == (CAST[name].hat is not None)
        for part in ("nose", "mouth", "eyes"):
            assert shot.parts[part].max() > 200


def test_the_face_parts_are_where_the_landmarks_are():
    stage = Stage(builtin_head(), Look(CAST["dan"], {}))
    world_mats, intrinsics = aim(stage.anatomy, np.zeros((1, 3)), image_size=(96, 96))
    camera = Camera.from_imavatar(world_mats[0], intrinsics, image_size=(96, 96))
    rest = np.zeros(POSE_SIZE, np.float32)
    shot = stage.render(EXPRESSION, rest, camera, supersample=2)
    pixels = np.asarray(camera.project(stage.anatomy.landmarks)[0])
    for part, rows in {"nose": slice(27, 36), "eyes": slice(36, 48), "mouth": slice(48, 60)}.items():
        row, column = np.nonzero(shot.parts[part] > 128)
        centre = np.array([column.mean() + 0.5, row.mean() + 0.5])
        assert np.linalg.norm(centre - pixels[rows].mean(axis=0)) < 5


def test_supersampling_converges():
    pictures = {n: picture("finn", size=(48, 48), supersample=n).image.astype(float) for n in (1, 3, 8)}
    coarse, fine = (np.sqrt(((pictures[n] - pictures[8]) ** 2).mean()) for n in (1, 3))
    assert fine < 0.5 * coarse and fine < 6


def test_hair_and_hats_turn_with_the_head_and_the_shoulders_do_not():
    stage = Stage(builtin_head(), Look(CAST["finn"], {}))
    world_mats, intrinsics = aim(stage.anatomy, np.zeros((1, 3)), image_size=SIZE)
    camera = Camera.from_imavatar(world_mats[0], intrinsics, image_size=SIZE)
    turned = POSE.copy()
    turned[3:6] = (0.0, -0.2, 0.25)
    a, b = (stage.render(EXPRESSION, pose, camera, supersample=2) for pose in (POSE, turned))
    assert (np.abs(a.parts["hat"].astype(int) - b.parts["hat"]) > 128).sum() > 50
    np.testing.assert_array_equal(a.image[-4:], b.image[-4:])
