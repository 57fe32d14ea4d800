"""What a picture shows: colour, or what it is made of."""

import numpy as np

from pegasus_jax.core.avatar import BakedLook
from pegasus_jax.core.camera import Camera
from pegasus_jax.core.flame_params import FlameParams
from pegasus_jax.core.render import Render, RenderOptions

_POINT_SCALE = 0.25
_OPTIONS = {
    "colour": RenderOptions(channels=("rgb",)),
    "normals": RenderOptions(channels=("rgb", "normals")),
    "albedo": RenderOptions(channels=("rgb", "albedo")),
    "shading": RenderOptions(channels=("rgb", "shading")),
    "segmentation": RenderOptions(channels=("rgb", "seg_logit")),
    "points": RenderOptions(channels=("rgb",), point_scale=_POINT_SCALE),
}


def modes_of(baked: BakedLook) -> tuple[str, ...]:
    """The modes in which an avatar's family can draw it."""
    return tuple(mode for mode, options in _OPTIONS.items() if baked.channels.issuperset(options.channels))


def draw(baked: BakedLook, params: FlameParams, camera: Camera, *, mode: str) -> np.ndarray:
    """(H, W, 3) uint8 of one frame."""
    out = baked.render(params, camera, options=_OPTIONS[mode])
    return np.round(np.clip(_picture(out, mode), 0.0, 1.0) * 255.0).astype(np.uint8)


def _picture(out: Render, mode: str) -> np.ndarray:
    if mode in ("normals", "albedo", "shading"):
        return np.asarray(getattr(out, mode))
    if mode == "segmentation":
        alpha = np.asarray(out.alpha)
        share = 1.0 / (1.0 + np.exp(-np.asarray(out.seg_logit) / np.maximum(alpha, 1e-6)))
        return np.repeat((share * alpha + 1.0 - alpha)[..., None], 3, axis=2)
    return np.asarray(out.image)
