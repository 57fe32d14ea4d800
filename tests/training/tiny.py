"""Everything a run needs, as small as it goes: a random head, a few frames of a moving disc, a config."""

import pathlib

import numpy as np
from ml_collections import ConfigDict

from pegasus_jax.data import DatasetWriter, FrameParams, layout, pictures
from pegasus_jax.flame.model import HEAD_UNITS_PER_METRE, HeadModel
from tests.heads import random_head

SIDE = 24  # pixels
NUM_FRAMES = 10
INTRINSICS = np.array([-2.6, 2.6, 0.5, 0.5])
BETAS = 0.1 * np.random.default_rng(0).normal(size=100)


def write_head(path: pathlib.Path, *, seed: int = 0) -> pathlib.Path:
    """A random head of 200 vertices as an `.npz` in FLAME's layout, which is in metres."""
    head = random_head(200, seed=seed)
    metres = 1.0 / HEAD_UNITS_PER_METRE
    np.savez(
        path,
        v_template=head.v_template * metres,
        f=head.faces,
        shapedirs=np.concatenate([head.shapedirs, head.exprdirs], axis=2) * metres,
        posedirs=np.moveaxis(head.posedirs, 0, 2) * metres,
        J_regressor=head.J_regressor,
        weights=head.lbs_weights,
        kintree_table=np.array([[-1, 0, 1, 1, 1], [0, 1, 2, 3, 4]]),
        full_lmk_faces_idx=head.lmk68.faces_idx,
        full_lmk_bary_coords=head.lmk68.bary,
    )
    return path


def picture(number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Image, matte and eye mask: a shaded disc that wanders with the frame's number."""
    y, x = np.mgrid[:SIDE, :SIDE] + 0.5
    centre = SIDE / 2 + np.sin(number)
    distance = np.hypot(x - centre, y - SIDE / 2)
    image = np.stack([0.9 - 0.5 * x / SIDE, 0.5 * y / SIDE, np.full((SIDE, SIDE), 0.3)], axis=-1)
    matte = np.clip(SIDE * 0.35 - distance + 0.5, 0.0, 1.0)
    eyes = distance < SIDE * 0.15
    return np.round(255 * image).astype(np.uint8), np.round(255 * matte).astype(np.uint8), 255 * eyes.astype(np.uint8)


def frame_params(number: int) -> FrameParams:
    """Small random motion before a camera four units away."""
    rng = np.random.default_rng(number)
    return FrameParams(
        number=number,
        world_mat=np.hstack([np.eye(3), [[0.03 * np.sin(number)], [0.0], [-4.0]]]),
        expression=0.3 * rng.normal(size=50),
        pose=0.05 * rng.normal(size=15),
        bbox=np.array([-0.5, -0.5, 0.5, 0.5]),
        flame_keypoints=rng.uniform(-1, 1, (68, 2)),
    )


def write_dataset(out: pathlib.Path, *, head: HeadModel | None = None, num_frames: int = NUM_FRAMES) -> pathlib.Path:
    """A dataset folder; with a head it says that it was captured with it."""
    with DatasetWriter(out, image_size=(SIDE, SIDE)) as writer:
        for number in range(1, num_frames + 1):
            image, matte, eyes = picture(number)
            writer.add(number, image, matte, parts={"eyes": eyes, "hair": matte})
        writer.finish(
            frames=[frame_params(number) for number in range(1, num_frames + 1)],
            betas=BETAS,
            intrinsics=INTRINSICS,
            capture={"head": {"name": head.name, "sha256": head.sha256}} if head else {},
        )
    return out


def write_swapped(
    out: pathlib.Path, attribute: str, donor: str, *, normals: bool = True, num_frames: int = NUM_FRAMES
) -> pathlib.Path:
    """The same head with one part of somebody else, as `synthesize` leaves it: that part of the disc has one colour."""
    shade = {"hair": (40, 200, 40), "nose": (200, 40, 40)}.get(attribute, (40, 40, 200))
    rows, _ = np.mgrid[:SIDE, :SIDE]
    part = 255 * ((rows < SIDE // 2) if attribute == "hair" else (rows >= SIDE // 2)).astype(np.uint8)
    with DatasetWriter(out, image_size=(SIDE, SIDE)) as writer:
        for number in range(1, num_frames + 1):
            image, matte, eyes = picture(number)
            image[part > 0] = shade
            writer.add(number, image, matte, parts={"eyes": eyes, attribute: np.minimum(part, matte)})
            if normals:
                normal = np.full((SIDE, SIDE, 3), 255, np.uint8)
                normal[matte > 0] = (128, 128, 255)
                pictures.write_png(layout.normal_path(writer.folder, number), normal)
        writer.finish(
            frames=[frame_params(number) for number in range(1, num_frames + 1)],
            betas=BETAS,
            intrinsics=INTRINSICS,
            capture={"synthesis": {"attribute": attribute, "donor": donor, "target": "me"}},
        )
    return out


def config(**changes) -> ConfigDict:
    """A run of 48 frames of 8, two per step; `changes` by dotted name with `__` for the dot."""
    values = ConfigDict(
        {
            "preset": "tiny",
            "seed": 3,
            "image_size": SIDE,
            "batch_size": 2,
            "stage_one_frames": None,
            "test_fraction": 0.2,
            "expression_variance_floor": 1e-3,
            "total_frames": 48,
            "random_background": True,
            "networks": {
                "gc": "off",
                "head_prior": True,
                "code_size": 2,
                "deformation_width": 8,
                "deformation_depth": 2,
                "canonical_width": 16,
                "canonical_depth": 2,
                "canonical_skip": None,
                "octaves": 2,
                "shading_width": 8,
            },
            "cloud": {
                "init": "head",
                "init_points": 96,
                "init_radius": 0.25,
                "max_points": 160,
                "min_radius": 0.1,
                "radius_factor": 0.75,
                "period": 16,
                "nearest_period": 8,
                "prune_above": 0.0,
            },
            "step": {
                "weights": {"flame": 1.0, "emphasis": 1.0, "normal": 0.0},
                "rates": {"networks": 3e-3, "points": 3e-3, "latents": 1e-3, "decay": 0.1},
                "flame_halvings": (16, 32),
                "flame_sample": 32,
                "eikonal_sample": 32,
                "jacobian_gradient": False,
                "latents_after": 8,
                "render": {"channels": ("rgb", "seg_logit")},
            },
            "every": {"log": 8, "checkpoint": 16},
        }
    )
    for name, value in changes.items():
        *groups, key = name.split("__")
        holder = values
        for group in groups:
            holder = holder[group]
        holder[key] = value
    return values.lock()
