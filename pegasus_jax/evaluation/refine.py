"""Fitting the pose, expression and translation of given frames to their pictures while the avatar stays frozen.

It says how much of an error is tracking. Its figures stand beside the tracked ones, as "refined", never instead.
"""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import optax

from pegasus_jax.core.avatar import BakedLook
from pegasus_jax.core.motion import Motion


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
    baked: BakedLook,
    drive: Motion,
    image: jax.Array,
    matte: jax.Array,
    *,
    config: RefineConfig = RefineConfig(),
) -> Motion:
    """The drive of B frames, fitted to image (B, H, W, 3) over white and matte (B, H, W), both in [0, 1]."""
    return _refine(baked, drive, image, matte, config=config)


@functools.partial(jax.jit, static_argnames="config")
def _refine(baked: BakedLook, drive: Motion, image, matte, *, config: RefineConfig) -> Motion:
    optimiser = optax.adam(optax.cosine_decay_schedule(config.learning_rate, config.steps))
    zeros = {
        "pose": jnp.zeros_like(drive.params.pose),
        "expression": jnp.zeros_like(drive.params.expression),
        "translation": jnp.zeros((len(drive), 3)),
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
        out = baked.render(moved.params.with_betas(baked.betas), moved.cameras)
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


def _moved(drive: Motion, offsets: dict[str, jax.Array]) -> Motion:
    shift = jnp.pad(offsets["translation"][:, :, None], ((0, 0), (0, 0), (3, 0)))
    cameras = dataclasses.replace(drive.cameras, T_camera_world=drive.cameras.T_camera_world + shift)
    params = dataclasses.replace(
        drive.params,
        pose=drive.params.pose + offsets["pose"],
        expression=drive.params.expression + offsets["expression"],
    )
    return Motion(params, cameras)
