"""The built-in head as a `HeadModel`: the parts of this package, converted to head units."""

import functools
import hashlib

import numpy as np

from pegasus_jax.flame.builtin import landmarks, skinning
from pegasus_jax.flame.builtin.anatomy import build_anatomy
from pegasus_jax.flame.builtin.expressions import expression_components
from pegasus_jax.flame.builtin.regions import regions
from pegasus_jax.flame.builtin.shapes import shape_components
from pegasus_jax.flame.builtin.texture import texture_layout
from pegasus_jax.flame.iris import iris_embedding
from pegasus_jax.flame.model import HEAD_UNITS_PER_METRE, HeadModel

# Raise it when any array changes by more than rounding. The identity of the head is this number rather than the
# bytes of its arrays, which differ in the last digit between machines.
VERSION = 1
_NAME = "builtin"
_HEAD_UNITS_PER_MM = HEAD_UNITS_PER_METRE / 1000.0


@functools.cache
def builtin_head() -> HeadModel:
    """The head that needs no file: the same arrays on every machine up to rounding, made once per process."""
    anatomy = build_anatomy()
    shapes, shape_names = shape_components(anatomy)
    expressions, expression_names = expression_components(anatomy)
    weights = skinning.skinning_weights(anatomy).astype(np.float32)
    v_template = _head_units(anatomy.positions)
    lmk68 = landmarks.landmarks68(anatomy)
    mediapipe, mediapipe_indices, mediapipe_contour = landmarks.mediapipe_points(lmk68)
    return HeadModel(
        v_template=v_template,
        faces=anatomy.faces,
        shapedirs=_head_units(shapes),
        exprdirs=_head_units(expressions),
        posedirs=_head_units(skinning.pose_correctives(anatomy)),
        J_regressor=skinning.joint_regressor(anatomy).astype(np.float32),
        lbs_weights=weights,
        lmk68=lmk68,
        contour=None,
        mediapipe=mediapipe,
        iris=iris_embedding(v_template, anatomy.faces, weights),
        regions=regions(anatomy),
        uv=texture_layout(anatomy),
        mediapipe_indices=mediapipe_indices,
        mediapipe_contour=mediapipe_contour,
        expression_names=expression_names,
        shape_names=shape_names,
        name=_NAME,
        sha256=hashlib.sha256(f"{_NAME} head, version {VERSION}".encode()).hexdigest(),
    )


def _head_units(millimetres: np.ndarray) -> np.ndarray:
    return (millimetres * _HEAD_UNITS_PER_MM).astype(np.float32)
