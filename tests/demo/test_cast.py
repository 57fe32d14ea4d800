"""What makes the cast a ground truth: swaps change their part and nothing else, masks are exact, clips repeat."""

import numpy as np
import pytest
import scipy.ndimage

from pegasus_jax.data import Camera, read_dataset
from pegasus_jax.demo import hair, hats
from pegasus_jax.demo.clips import aim, write_clip
from pegasus_jax.demo.look import Look
from pegasus_jax.demo.people import ATTRIBUTES, CAST, person
from pegasus_jax.demo.stage import Stage
from pegasus_jax.errors import UserError
from pegasus_jax.flame import builtin_head, lbs
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
    assert difference[~region].max() <= 1
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


def test_borrowed_shape_stays_near_its_part_and_leaves_the_joints():
    head = builtin_head()
    look = Look(CAST["ada"], {"nose": CAST["dan"]})
    stage = Stage(head, look)
    offset = look.local_offset(head, stage.anatomy)
    moved = np.linalg.norm(offset, axis=-1) > 1e-6
    nose = stage.anatomy.template[np.asarray(head.regions["nose"])]
    far = [np.linalg.norm(nose - vertex, axis=-1).min() for vertex in stage.anatomy.template[moved]]
    assert 0 < max(far) < 0.05 + 1e-5
    plain = lbs.vertices(head, CAST["ada"].shape, EXPRESSION, POSE)
    np.testing.assert_allclose(stage.vertices(EXPRESSION, POSE)[~moved], plain[~moved], atol=1e-5)


def test_hair_and_hats_turn_with_the_head_and_the_shoulders_do_not():
    stage = Stage(builtin_head(), Look(CAST["finn"], {}))
    world_mats, intrinsics = aim(stage.anatomy, np.zeros((1, 3)), image_size=SIZE)
    camera = Camera.from_imavatar(world_mats[0], intrinsics, image_size=SIZE)
    turned = POSE.copy()
    turned[3:6] = (0.0, -0.2, 0.25)
    a, b = (stage.render(EXPRESSION, pose, camera, supersample=2) for pose in (POSE, turned))
    assert (np.abs(a.parts["hat"].astype(int) - b.parts["hat"]) > 128).sum() > 50
    np.testing.assert_array_equal(a.image[-4:], b.image[-4:])


def test_every_style_fits_every_head():
    styles = {p.hair.style for p in CAST.values()}
    assert styles == set(hair.STYLES) and len(styles) >= 4
    assert {p.hat.style for p in CAST.values() if p.hat} == set(hats.STYLES)


def test_mistakes_are_named():
    with pytest.raises(UserError, match="no attribute 'beard'; there are hair, hat"):
        Look(CAST["ada"], {"beard": CAST["ben"]})
    with pytest.raises(UserError, match="ben has no hat to lend"):
        Look(CAST["ada"], {"hat": CAST["ben"]})
    with pytest.raises(UserError, match="Nobody in the cast is called 'zoe'; there are ada"):
        person("zoe")


def clip(out, *, seed=0, wearing=None, name="ada"):
    write_clip(
        CAST[name],
        out,
        head=builtin_head(),
        num_frames=4,
        image_size=(40, 48),
        seed=seed,
        wearing=wearing,
        supersample=1,
    )
    return read_dataset(out)


def test_a_clip_is_an_ordinary_dataset_folder(tmp_path):
    dataset = clip(tmp_path / "ada_hat", wearing={"hat": CAST["eve"]})
    assert dataset.image_size == (40, 48)
    assert dataset.part_names == tuple(sorted(ATTRIBUTES))
    assert dataset.capture["synthetic"] is True
    assert (dataset.capture["attribute"], dataset.capture["donor"]) == ("hat", "eve")
    np.testing.assert_array_equal(dataset.betas, CAST["ada"].shape)
    assert np.abs(dataset.pose[:, :3]).max() == 0  # the neck carries the rotation, so that shoulders stay
    assert np.abs(dataset.pose[:, 3:6]).max() > 0.05


def test_the_stored_parameters_project_onto_the_picture(tmp_path):
    """The mesh that the folder's own numbers describe covers the head in the picture."""
    dataset, head = clip(tmp_path / "dan", name="dan"), builtin_head()
    for k in range(len(dataset)):
        vertices = lbs.vertices(head, dataset.betas, dataset.expression[k], dataset.pose[k])
        means2d = np.floor(np.asarray(dataset.camera(k).project(vertices)[0])).astype(int)
        inside = (means2d >= 0).all(axis=-1) & (means2d < [48, 40]).all(axis=-1)
        seen = scipy.ndimage.binary_dilation(dataset.masks(indices=[k])[0] > 0)
        assert seen[means2d[inside, 1], means2d[inside, 0]].mean() > 0.995


def test_clips_repeat_by_seed_and_share_movement_between_looks(tmp_path):
    a, b = clip(tmp_path / "a", seed=1), clip(tmp_path / "b", seed=1)
    np.testing.assert_array_equal(a.images(), b.images())
    swapped = clip(tmp_path / "c", seed=1, wearing={"hair": CAST["ben"]})
    for name in ("pose", "expression", "world_mat", "intrinsics", "betas"):
        np.testing.assert_array_equal(getattr(swapped, name), getattr(a, name))
    assert np.abs(clip(tmp_path / "d", seed=2).pose - a.pose).max() > 0.05
