"""Fitting pose, expression and translation of a person's frames to their pictures by the person's own avatar, frozen.

Capture sees landmarks; an avatar sees all pixels. Frames are fitted a window at a time, in order: a window starts from
the corrections that the last frame of the one before ended with, since what is wrong with tracking changes slowly, and
corrections of neighbouring frames are held together.
"""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax

from pegasus_jax import progress
from pegasus_jax.core.avatar import BakedLook
from pegasus_jax.core.motion import Motion
from pegasus_jax.data.frames import Batch, take

Corrections = dict[str, jax.Array]  # "pose" (B, 15), "expression" (B, 50) and "translation" (B, 3), in deviations


@dataclasses.dataclass(frozen=True)
class TrackConfig:
    """Adam on corrections of the tracked values in units of their deviations, held back by quadratic priors."""

    steps: int = 40  # on each window; twice as many on the first
    window: int = 8  # frames that are fitted at once
    learning_rate: float = 0.15  # deviations
    pose_std: float = 0.05  # radians
    expression_std: float = 0.2
    translation_std: float = 0.05  # head units
    picture: float = 8.0  # of the mean squared colour error, beside half the mean outline error
    prior: float = 0.0005
    smoothness: float = 0.0005  # of the squared change of corrections from frame to frame

    @property
    def deviations(self) -> dict[str, float]:
        """The unit of each correction."""
        return {"pose": self.pose_std, "expression": self.expression_std, "translation": self.translation_std}


def track(baked: BakedLook, frames: Batch, *, config: TrackConfig = TrackConfig(), desc: str = "tracking") -> Motion:
    """Returns what drives the frames, consecutive ones of a clip, fitted to their pictures over white and mattes."""
    parts, count = [], len(frames.frame)
    zeros = {name: jnp.zeros((1, size)) for name, size in (("pose", 15), ("expression", 50), ("translation", 3))}
    before = zeros
    starts = range(0, count, config.window)
    for start in progress.bar(starts, desc=desc, unit="window"):
        rows = np.minimum(np.arange(start, start + config.window), count - 1)  # the last is padded: one compilation
        window = take(frames, rows)
        found = {name: jnp.repeat(value, config.window, axis=0) for name, value in before.items()}
        held = config.smoothness if start else 0.0
        for _ in range(1 if start else 2):
            found = _fit(baked, window.motion, window.over_white(), window.alpha(), found, before, held, config=config)
        motion = corrected(window.motion, found, config)
        parts.append(motion.frames(slice(0, count - start)))
        before = {name: value[-1:] for name, value in found.items()}
    return jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *parts)


def corrected(motion: Motion, corrections: Corrections, config: TrackConfig) -> Motion:
    """Returns a motion with corrections added to pose, expression and the cameras' translation."""
    unit = {name: deviation * corrections[name] for name, deviation in config.deviations.items()}
    shift = jnp.pad(unit["translation"][:, :, None], ((0, 0), (0, 0), (3, 0)))
    cameras = dataclasses.replace(motion.cameras, T_camera_world=motion.cameras.T_camera_world + shift)
    params = dataclasses.replace(
        motion.params, pose=motion.params.pose + unit["pose"], expression=motion.params.expression + unit["expression"]
    )
    return Motion(params, cameras)


@functools.partial(jax.jit, static_argnames="config")
def _fit(
    baked: BakedLook,
    motion: Motion,
    image: jax.Array,
    matte: jax.Array,
    start: Corrections,
    before: Corrections,
    held: jax.Array | float,
    *,
    config: TrackConfig,
) -> Corrections:
    """Corrections of a window of W frames from those at the start; `held` is the smoothness to the frame before."""
    optimiser = optax.adam(optax.cosine_decay_schedule(config.learning_rate, config.steps))

    def objective(corrections: Corrections) -> jax.Array:
        moved = corrected(motion, corrections, config)
        out = baked.render(moved.params.with_betas(baked.betas), moved.cameras)
        # Sums over frames: with neither smoothness nor a start, each frame's problem is its own.
        picture = jnp.sum(jnp.mean((out.image - image) ** 2, axis=(1, 2, 3)))
        outline = jnp.sum(jnp.mean(jnp.abs(out.alpha - matte), axis=(1, 2)))
        prior = sum(jnp.sum(values**2) for values in corrections.values())
        within = sum(jnp.sum((values[1:] - values[:-1]) ** 2) for values in corrections.values())
        joint = sum(jnp.sum((values[:1] - before[name]) ** 2) for name, values in corrections.items())
        held_back = config.prior * prior + config.smoothness * within + held * joint
        return config.picture * picture + 0.5 * outline + held_back / start["expression"].shape[1]

    def step(carry, _):
        corrections, state = carry
        updates, state = optimiser.update(jax.grad(objective)(corrections), state)
        return (optax.apply_updates(corrections, updates), state), None

    (found, _), _ = jax.lax.scan(step, (start, optimiser.init(start)), length=config.steps)
    return found
