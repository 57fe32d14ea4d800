"""One optimisation step over one device's share of a batch, written over a named axis.

Gradients, statistics and metrics are reduced over the axis `DEVICES`, by `reduction.py`; `parallel.py` alone knows what
carries it. What is optimised is a family's model: `core.model.AvatarModel`.
"""

import dataclasses

import jax
import jax.numpy as jnp

from pegasus_jax.core.model import AvatarModel, TrainState
from pegasus_jax.data.frames import Batch
from pegasus_jax.training.reduction import DEVICES, Gradients, over_devices


@dataclasses.dataclass(frozen=True)
class Step:
    """One optimisation step in two halves; called, it is the whole, over the axis `DEVICES`.

    Random numbers are the step's, and a background the frame's: the same however many devices there are.
    """

    model: AvatarModel
    seed: int
    random_background: bool  # a colour for each frame and step; a white one tempts primitives to let it shine through
    overlaps_per_point: int  # for how many (tile, primitive) pairs a primitive the rasteriser has room

    def __call__(self, state: TrainState, batch: Batch, constants) -> tuple[TrainState, dict[str, jax.Array]]:
        """The state after one device's share of a batch and all the others', and the figures of all of it.

        The figure `finite` (devices,) bool says whose gradients were.
        """
        mine = self.evaluate(state, batch, constants)
        finite = jax.lax.all_gather(mine.finite(), DEVICES)
        reduced = over_devices(mine)
        count = len(batch.frame) * jax.lax.psum(1, DEVICES)
        return self.update(state, reduced, count), dict(reduced.terms, finite=finite)

    def evaluate(self, state: TrainState, batch: Batch, constants) -> Gradients:
        """What some frames of one look ask of the parameters."""
        step_key = jax.random.fold_in(jax.random.key(self.seed), state.frames_seen)
        key = jax.random.fold_in(step_key, 0)
        count = len(batch.frame)
        background = backgrounds(step_key, batch.frame) if self.random_background else jnp.ones((count, 3))

        def objective(params):
            render, aux = self.model.forward(
                params, state.primitives, batch, constants, overlaps_per_point=self.overlaps_per_point, key=key
            )
            terms = self.model.losses(
                params,
                state.primitives,
                batch,
                constants,
                render,
                aux,
                background=background,
                key=key,
                frames_seen=state.frames_seen,
            )
            weights = self.model.weights(state.frames_seen)
            total = sum((weights[name] * value for name, value in terms.items()), start=jnp.float32(0.0))
            squares = jnp.mean((render.image - batch.over_white()) ** 2, axis=(1, 2, 3))
            figures = dict(
                terms,
                loss=total,
                psnr=jnp.mean(-10.0 * jnp.log10(squares)),
                overflow=jnp.sum(render.overflow).astype(jnp.float32),
                nonfinite=jnp.sum(render.nonfinite).astype(jnp.float32),
            )
            return total, (figures, self.model.statistics(params, batch, render, aux))

        (_, (figures, statistics)), grads = jax.value_and_grad(objective, has_aux=True)(state.params)
        return Gradients(grads, figures, jax.lax.stop_gradient(statistics))

    def update(self, state: TrainState, reduced: Gradients, count: int | jax.Array) -> TrainState:
        """The state after `count` frames whose mean is `reduced`: Adam, each group at its own rate."""
        model, rates = self.model, self.model.rates(state.frames_seen)
        direction, moments = model.adam().update(reduced.grads, state.moments)
        moved = jax.tree.map(
            lambda label, value, move: rates[label].moved(value, move),
            model.labels(state.params),
            state.params,
            direction,
        )
        held = [
            model.hold(new, old, reduced.statistics)
            for new, old in ((moved, state.params), (moments.mu, state.moments.mu), (moments.nu, state.moments.nu))
        ]
        return dataclasses.replace(
            state,
            frames_seen=state.frames_seen + count,
            params=held[0],
            moments=moments._replace(mu=held[1], nu=held[2]),
            primitives=model.observe(state.primitives, reduced.statistics),
        )


def backgrounds(key: jax.Array, frame: jax.Array) -> jax.Array:
    """A colour (B, 3) in [0, 1] for each of the frames (B,), whatever device it is on."""
    return jax.vmap(lambda row: jax.random.uniform(jax.random.fold_in(key, row), (3,)))(frame)
