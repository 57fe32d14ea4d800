"""One person's avatar of rigged Gaussians as a training loop sees it: pure functions of arrays."""

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

import rasterizer
from pegasus_jax.data.frames import Batch, take
from pegasus_jax.families.gaussians import binding, losses, rates, shell
from pegasus_jax.families.gaussians.drawing import draw_frame
from pegasus_jax.families.gaussians.initial_colours import with_initial_colours
from pegasus_jax.families.gaussians.params import Params, initial_params
from pegasus_jax.families.gaussians.rig import Rig, build_rig, driving_numbers
from pegasus_jax.flame.model import HeadModel

Perceptual = Callable[[jax.Array, jax.Array], jax.Array]


@dataclasses.dataclass(frozen=True)
class Weights:
    """Weights of the losses."""

    l1: float = 0.8
    emphasis: float = 4.0  # extra weight of eyes and mouth in the L1 term
    structural: float = 0.2
    matte: float = 0.1
    perceptual: float = 0.0
    offset: float = 2e-4
    size: float = 1e-2
    needles: float = 1e-2


@dataclasses.dataclass(frozen=True)
class Settings:
    """Static choices of a model."""

    on_surface: int = 16_000
    on_shell: int = 6_000  # at most
    num_bases: int = 16
    hidden: int = 32
    training_side: int = 256  # pixels, of the last and largest pictures: dilation belongs to it
    driving_noise: float = 0.4  # standard deviations
    colour_frames: int = 16
    shape_frames: int = 24
    seed: int = 0
    weights: Weights = Weights()
    max_overlaps: int | None = None
    backend: str = "auto"


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class State:
    """What a run keeps besides parameters and moments."""

    rig: Rig
    binding: binding.Binding
    shown: jax.Array  # (N,): the largest compositing weight of each Gaussian so far


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Statistics:
    """What one step says of each Gaussian; the larger of two devices' is both's."""

    max_weight: jax.Array  # (N,)


@dataclasses.dataclass(frozen=True)
class GaussianModel:
    """Rigged Gaussians of one person."""

    settings: Settings

    def initialize(self, head: HeadModel, clip: Batch, key: jax.Array) -> tuple[Params, State]:
        """Returns parameters and state for a person's training frames.

        Args:
          head: the head model.
          clip: training frames, evenly spread over the clip; small pictures (128 pixels) are enough.
          key: of the mixer's first weights.
        """
        settings, betas = self.settings, np.asarray(clip.betas).mean(axis=0)
        some = spread(clip, settings.shape_frames)
        poses = (some.expression, some.pose, some.T_camera_world)
        on_head = binding.on_surface(head, betas, poses, settings.on_surface, settings.seed)
        off_head = shell.around_head(head, betas, some, settings.on_shell, on_head=on_head, seed=settings.seed)
        driving = np.asarray(driving_numbers(clip.expression, clip.pose))
        rig, bound = build_rig(head, betas, binding.joined(on_head, off_head), driving)
        params = initial_params(rig, num_bases=settings.num_bases, hidden=settings.hidden, key=key)
        params = with_initial_colours(
            params, rig, spread(clip, settings.colour_frames), training_side=settings.training_side
        )
        return params, State(rig, bound, jnp.zeros(rig.num_gaussians))

    def forward(self, params: Params, state: State, batch: Batch, key: jax.Array) -> rasterizer.Splats:
        """Returns the pictures of a batch without background, all fields with a leading axis B.

        Noise on what drives the bases keeps them from learning frames by heart.
        """
        settings = self.settings
        inputs = state.rig.driving_mean.shape
        noise = settings.driving_noise * jax.vmap(lambda row: jax.random.normal(jax.random.fold_in(key, row), inputs))(
            jnp.asarray(batch.frame)
        )

        def one(expression, pose, camera, noise):
            return draw_frame(
                params,
                state.rig,
                expression,
                pose,
                camera,
                training_side=settings.training_side,
                noise=noise,
                max_overlaps=settings.max_overlaps,
                backend=settings.backend,
            )

        return jax.vmap(one)(batch.expression, batch.pose, batch.cameras, noise)

    def losses(
        self,
        params: Params,
        state: State,
        batch: Batch,
        render: rasterizer.Splats,
        background: jax.Array,
        *,
        perceptual: Perceptual | None = None,
    ) -> dict[str, jax.Array]:
        """Returns the weighted terms of the loss, with pictures and frames over a `background` (B, 3)."""
        weights, alpha = self.settings.weights, batch.alpha()
        behind = background[:, None, None, :]
        picture = render.image + (1.0 - render.alpha[..., None]) * behind
        filmed = jnp.asarray(batch.image, jnp.float32) / 255.0
        target = filmed * alpha[..., None] + behind * (1.0 - alpha[..., None])
        emphasis = jnp.asarray(batch.emphasis, jnp.float32) / 255.0
        terms = {
            "rgb": weights.l1 * losses.emphasised_l1(picture, target, emphasis, gain=weights.emphasis),
            "structural": weights.structural * losses.dissimilarity(picture, target),
            "matte": weights.matte * losses.matte_l1(render.alpha, alpha),
            "offset": weights.offset * losses.offset_prior(params),
            "size": weights.size * losses.size_prior(params, state.rig),
            "needles": weights.needles * losses.needle_prior(params),
        }
        if perceptual is not None and weights.perceptual:
            terms["perceptual"] = weights.perceptual * perceptual(picture, target)
        return terms

    def labels(self, params: Params) -> Params:
        """Returns the name of each leaf's optimiser group: see `rates`."""
        return rates.labels(params)

    def statistics(self, render: rasterizer.Splats) -> Statistics:
        """Returns what a device's share of a step says of each Gaussian."""
        return Statistics(jnp.max(render.max_weight, axis=0))


def spread(frames: Batch, count: int) -> Batch:
    """Returns at most `count` of the frames, evenly spread, the first and the last included."""
    rows = np.unique(np.linspace(0, len(frames.frame) - 1, count).round().astype(int))
    return take(frames, rows)
