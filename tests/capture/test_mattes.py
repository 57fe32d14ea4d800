import numpy as np

from pegasus_jax.capture.mattes import Segmenters, refine_matte
from pegasus_jax.capture.video import read_frames


def test_a_coarse_matte_is_drawn_to_the_pictures_edge():
    image = np.full((96, 384, 3), 40, np.uint8)
    image[:, 192:] = 200
    coarse = np.tile(np.clip((np.arange(384) - 190) / 6, 0, 1).astype(np.float32), (96, 1))
    refined = refine_matte(coarse, image)
    step = np.diff(refined[48])
    assert np.argmax(step) == 191  # between the columns 191 and 192, where the picture has its edge
    assert step.max() > 2 * np.diff(coarse[48]).max()


def test_a_flat_matte_stays_flat():
    image = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    np.testing.assert_allclose(refine_matte(np.ones((64, 64), np.float32), image), 1.0, atol=1e-3)


def test_the_person_and_the_hair_are_found(models):
    image = next(read_frames(models / "videos" / "subject_a.mp4")).image
    with Segmenters() as segmenters:
        person, hair = segmenters.person(image), segmenters.hair(image)
    assert person[240, 240] > 0.95 > 0.05 > person[20, 20]
    assert hair[60, 240] > 0.9 and hair[300, 240] < 0.1  # above the forehead; on the mouth
