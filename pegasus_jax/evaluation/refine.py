"""Fitting the pose, expression and translation of given frames to their pictures while the avatar stays frozen.

It says how much of an error is tracking. Its figures stand beside the tracked ones, as "refined", never instead.
"""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import optax

from pegasus_jax.core.camera import Camera
from pegasus_jax.families.points.render import RenderOptions
from pegasus_jax.inference.any_avatar import AnyBaked

_OPTIONS = RenderOptions(channels=("rgb",))


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Drive:
    """What drives B frames."""

    pose: jax.Array  # (B, 15) radians
    expression: jax.Array  # (B, 50)
    cameras: Camera  # B of them


@dataclasses.dataclass(frozen=True)
class RefineConfig:
    """Adam on offsets from the tracked values in units of their deviations, held back by quadratic priors."""

    steps: int = 300
    learning_rate: float = 0.15  # deviations
    pose_std: float = 0.05  # radians
    expression_std: float = 0.2
    translation_std: float = 0.05  # head units
    picture: float = 8.0  # of the mean squared colour error, beside half the mean outline error
    prior: float = 0.0005


def refine(
    baked: AnyBaked,
    drive: Drive,
    image: jax.Array,
    matte: jax.Array,
    *,
    config: RefineConfig = RefineConfig(),
) -> Drive:
    """The drive of B frames, fitted to image (B, H, W, 3) over white and matte (B, H, W), both in [0, 1]."""
    return _refine(baked, drive, image, matte, config=config)


@functools.partial(jax.jit, static_argnames="config")
def _refine(baked: AnyBaked, drive: Drive, image, matte, *, config: RefineConfig) -> Drive:
    optimiser = optax.adam(optax.cosine_decay_schedule(config.learning_rate, config.steps))
    zeros = {
        "pose": jnp.zeros_like(drive.pose),
        "expression": jnp.zeros_like(drive.expression),
        "translation": jnp.zeros((len(drive.pose), 3)),
    }
    stds = {
        "pose": config.pose_std,
        "expression": config.expression_std,
        "translation": config.translation_std,
    }

    def fitted(offsets):
        return _moved(drive, {name: std * offsets[name] for name, std in stds.items()})

    def objective(offsets):
        moved = fitted(offsets)
        out = baked.render(moved.pose, moved.expression, moved.cameras, options=_OPTIONS)
        # Sums over frames: each frame's problem is its own, whatever the batch.
        picture = jnp.sum(jnp.mean((out.image - image) ** 2, axis=(1, 2, 3)))
        outline = jnp.sum(jnp.mean(jnp.abs(out.alpha - matte), axis=(1, 2)))
        prior = sum(jnp.sum(values**2) for values in offsets.values())
        return config.picture * picture + 0.5 * outline + config.prior * prior / zeros["expression"].shape[1]

    def step(carry, _):
        offsets, state = carry
        updates, state = optimiser.update(jax.grad(objective)(offsets), state)
        return (optax.apply_updates(offsets, updates), state), None

    (offsets, _), _ = jax.lax.scan(step, (zeros, optimiser.init(zeros)), length=config.steps)
    return fitted(offsets)


def _moved(drive: Drive, offsets: dict[str, jax.Array]) -> Drive:
    shift = jnp.pad(offsets["translation"][:, :, None], ((0, 0), (0, 0), (3, 0)))
    cameras = dataclasses.replace(drive.cameras, T_camera_world=drive.cameras.T_camera_world + shift)
    return Drive(drive.pose + offsets["pose"], drive.expression + offsets["expression"], cameras)
