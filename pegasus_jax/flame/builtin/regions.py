"""Named regions of the built-in head, by the names that other head models use."""

import numpy as np

from pegasus_jax.flame.builtin import face_plan
from pegasus_jax.flame.builtin.anatomy import Anatomy, Tissue
from pegasus_jax.flame.builtin.fields import lid_reach, unmirrored

# The eyebrow: its middle line and half height, mm.
_BROW_X = np.array([11.0, 22.0, 34.0, 46.0, 54.0])
_BROW_Y = np.array([46.0, 50.5, 53.0, 51.0, 46.5])
_BROW_HALF_HEIGHT = np.array([4.2, 4.4, 3.8, 3.2, 2.4])
_MOUTH_RIM = 7.0  # millimetres around the lips that still count as mouth


def regions(anatomy: Anatomy) -> dict[str, np.ndarray]:
    """name -> (V,) bool."""
    left, right = anatomy.positions[:, 0] >= -1e-6, anatomy.positions[:, 0] <= 1e-6
    masks = _outer_regions(anatomy) | _mouth_regions(anatomy)
    pairs = {
        "eyebrow": _eyebrows(anatomy),
        "eye_region": _eye_regions(anatomy),
        "eyeball": anatomy.of(Tissue.EYEBALL),
        "ear": anatomy.of(Tissue.EAR),
    }
    for name, mask in pairs.items():
        masks |= {f"left_{name}": mask & left, f"right_{name}": mask & right, f"{name}s": mask}
    return dict(sorted(masks.items()))


def _outer_regions(anatomy: Anatomy) -> dict[str, np.ndarray]:
    x, y, z = unmirrored(anatomy.positions).T
    skin = anatomy.of(Tissue.SKIN)
    hairline = np.interp(z, [-20.0, 10.0, 45.0, 70.0], [-24.0, 40.0, 78.0, 96.0])  # from the nape to the forehead
    neckline = np.interp(z, [-90.0, -30.0, 20.0, 60.0], [-58.0, -64.0, -86.0, -90.0])
    neck = skin & (y < neckline)
    scalp = skin & (y > hairline) & ~neck
    face = skin & ~scalp & ~neck & (z > -22.0)
    nose = face & (x < 16.5 - 0.10 * (y + 20.0)) & (y < 34.0) & (y > -25.0) & (z > 70.0)
    everything = skin | anatomy.of(Tissue.EAR)
    return {
        "skin": everything,
        "neck": neck,
        "scalp": scalp,
        "face": face,
        "nose": nose,
        "back_of_head": skin & (z < -60.0) & ~neck,
    }


def _mouth_regions(anatomy: Anatomy) -> dict[str, np.ndarray]:
    inside = anatomy.of(Tissue.MOUTH_INSIDE, Tissue.UPPER_TEETH, Tissue.LOWER_TEETH)
    lips = (anatomy.mouth_ring >= 0) & (anatomy.mouth_ring <= face_plan.VERMILION_LOOP)
    border = anatomy.positions[anatomy.mouth_ring == face_plan.VERMILION_LOOP]
    distance = np.linalg.norm(anatomy.positions[:, None] - border[None], axis=-1).min(axis=1)
    rim = anatomy.of(Tissue.SKIN) & (distance < _MOUTH_RIM)
    teeth = anatomy.of(Tissue.UPPER_TEETH, Tissue.LOWER_TEETH)
    return {"lips": lips, "mouth_interior": inside, "mouth": lips | rim | inside, "teeth": teeth}


def _eyebrows(anatomy: Anatomy) -> np.ndarray:
    x, y, z = unmirrored(anatomy.positions).T
    middle, half = np.interp(x, _BROW_X, _BROW_Y), np.interp(x, _BROW_X, _BROW_HALF_HEIGHT)
    on_brow = (x > _BROW_X[0] - 2.0) & (x < _BROW_X[-1] + 2.0) & (np.abs(y - middle) < half)
    return anatomy.of(Tissue.SKIN) & on_brow & (z > 20.0)


def _eye_regions(anatomy: Anatomy) -> np.ndarray:
    near = (lid_reach(anatomy.positions) < 0.95) & (anatomy.positions[:, 2] > 20.0)
    skin = anatomy.of(Tissue.SKIN, Tissue.EYELID_INSIDE)
    return (near & skin) | anatomy.of(Tissue.EYEBALL)
