"""The skin and hair of a head as points with colour: where each is in a frame, whether it is seen, its mean colour.

Skin and hair count where they face the camera. The hair's outline counts too: points of the hair that are on the rim
of the head have the mean of the colours at its edge, wherever the rim runs over the hair.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from pegasus_jax.capture import track as columns
from pegasus_jax.capture.colour_term import Appearance, sample
from pegasus_jax.capture.hair_shell import RIM, facing, hair_shell
from pegasus_jax.capture.posing import PointModel, points, vertex_points
from pegasus_jax.capture.track import Track, pose_of, project
from pegasus_jax.flame import lbs
from pegasus_jax.flame.model import HeadModel
from pegasus_jax.flame.normals import vertex_normals

_MAX_POINTS = 1500  # of the skin
_MAX_HAIR_POINTS = 500
_SKIN, _NOT_SKIN = ("face",), ("mouth_interior", "left_eyeball", "right_eyeball", "teeth")
_RIM_TRUST = 0.05  # colours leap at the outline: a tenth of the colour difference, ten times the deviation
_FACING = (0.2, 0.5)  # cosine to the view at which trust starts and is full
_FRAMES_AT_ONCE = 4
_ROBUST_COLOUR = 0.06  # colours farther from the mean than this count less in it
_ROBUST_ROUNDS = 3


@dataclasses.dataclass(frozen=True)
class Surface:
    """P vertices of a head; those of the scalp are lifted to the hair's surface."""

    head: HeadModel  # the whole mesh: normals need the neighbours
    vertex_ids: np.ndarray  # (P,)
    on_rim: np.ndarray  # (P,) bool: the point stands for the outline, and counts while it is on the rim
    model: PointModel  # the same vertices, lifted, for the colour term

    def appearance(self, track: Track, images: np.ndarray) -> Appearance:
        """Mean colours, exposures and visibility at a track; `images` (F, S, S, 3) in [0, 1]."""
        values, visible = self.observed(track, images)
        return _mean_appearance(values, visible, skin=~self.on_rim)

    def residual(self, track: Track, images: np.ndarray, appearance: Appearance) -> float:
        """Mean absolute colour difference of visible points, in 8-bit steps."""
        values, _ = self.observed(track, images)
        differences = np.abs(values - _expected(appearance)).mean(axis=2)
        return float(255 * np.sum(differences * appearance.visible) / np.sum(appearance.visible))

    def observed(self, track: Track, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Colours (F, P, 3) and visibility (F, P) in 0…1 of every point in every frame."""
        rows, shared = jnp.asarray(track.frames, jnp.float32), jnp.asarray(track.shared, jnp.float32)
        ids, on_rim = jnp.asarray(self.vertex_ids), jnp.asarray(self.on_rim)
        seen = _observe(rows, shared, jnp.asarray(images), self.head, self.model, ids, on_rim)
        return np.asarray(seen[0]), np.asarray(seen[1])


def surface(head: HeadModel, *, track: Track | None = None, mattes: np.ndarray | None = None) -> Surface:
    """The points of the face's skin; eyeballs and the mouth's inside move in other ways.

    With a track and mattes (F, S, S) in [0, 1] also those of the hair and of its outline.
    """
    skin = _thinned(_skin_ids(head), _MAX_POINTS)
    if track is None or mattes is None:
        hair, shift = np.zeros(0, np.int64), None
    else:
        template = jnp.asarray(head.v_template)
        normals = np.asarray(vertex_normals(template, jnp.asarray(head.faces)))
        shift = hair_shell(head, track, mattes)[:, None] * normals
        hair = _thinned(np.flatnonzero(head.regions.get("scalp", [])), _MAX_HAIR_POINTS)
    vertex_ids = np.concatenate([skin, hair, hair])
    on_rim = np.arange(len(vertex_ids)) >= len(skin) + len(hair)
    return Surface(jax.tree.map(jnp.asarray, head), vertex_ids, on_rim, vertex_points(head, vertex_ids, shift=shift))


def _skin_ids(head: HeadModel) -> np.ndarray:
    nothing = np.zeros(head.num_vertices, bool)
    skin = np.any([head.regions.get(name, nothing) for name in _SKIN], axis=0)
    skin &= ~np.any([head.regions.get(name, nothing) for name in _NOT_SKIN], axis=0)
    return np.flatnonzero(skin)


def _thinned(vertex_ids: np.ndarray, most: int) -> np.ndarray:
    return np.sort(np.random.default_rng(0).permutation(vertex_ids)[:most])


def _expected(appearance: Appearance) -> np.ndarray:
    """(F, P, 3): every point's colour under every frame's exposure."""
    gain, offset = appearance.gains[:, 0, None], appearance.gains[:, 1, None]
    return gain * appearance.colours + offset


def _mean_appearance(values: np.ndarray, visible: np.ndarray, skin: np.ndarray) -> Appearance:
    """Robust mean colours and per-frame gains, by turns; only points with `skin` (P,) tell of exposure."""
    colours = np.zeros(values.shape[1:])
    gains = np.tile(np.array([1.0, 0.0])[:, None], (len(values), 1, 3))
    trust = visible
    for _ in range(_ROBUST_ROUNDS):
        neutral = (values - gains[:, 1, None]) / gains[:, 0, None]
        colours = np.einsum("fp,fpc->pc", trust, neutral) / np.maximum(trust.sum(axis=0), 1e-6)[:, None]
        gains = _exposures(values, colours, trust * skin)
        difference = values - (gains[:, 0, None] * colours + gains[:, 1, None])
        trust = visible / (1 + np.sum(difference**2, axis=2) / _ROBUST_COLOUR**2)
    seen_often = (visible > 0).mean(axis=0) > 0.05
    return Appearance(
        colours=colours.astype(np.float32),
        gains=gains.astype(np.float32),
        visible=(visible * seen_often).astype(np.float32),
    )


def _exposures(values: np.ndarray, colours: np.ndarray, trust: np.ndarray) -> np.ndarray:
    """(F, 2, 3) gain and offset of each frame and channel by weighted least squares, drawn towards (1, 0)."""
    weights = trust[..., None]
    total = weights.sum(axis=1) + 1e-6
    mean_value = (weights * values).sum(axis=1) / total
    mean_colour = (weights * colours).sum(axis=1) / total
    centred = colours - mean_colour[:, None]
    ridge = 0.01 * total
    gain = ((weights * centred * (values - mean_value[:, None])).sum(axis=1) + ridge) / (
        (weights * centred**2).sum(axis=1) + ridge
    )
    return np.stack([gain, mean_value - gain * mean_colour], axis=1)


@jax.jit
def _observe(rows, shared, images, head, model, vertex_ids, on_rim):
    side = images.shape[1]

    def frame(args):
        row, image = args
        vertices = lbs.vertices(head, shared[columns.BETAS], row[columns.EXPRESSION], pose_of(row))
        normals = vertex_normals(vertices, head.faces)[vertex_ids]
        lifted = points(model, row, shared)
        cosine = facing(lifted, normals, row, shared)
        low, high = _FACING
        trust = jnp.where(on_rim, _RIM_TRUST * (1.0 - jnp.abs(cosine) / RIM), (cosine - low) / (high - low))
        values, _ = sample(image, project(lifted, row, shared) * side)
        return values, jnp.clip(trust, 0.0, 1.0)

    return jax.lax.map(frame, (rows, images), batch_size=_FRAMES_AT_ONCE)
