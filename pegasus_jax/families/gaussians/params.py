"""What is learned of N Gaussians, K bases that correct them, and the network that weighs the bases."""

import dataclasses

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from pegasus_jax.families.gaussians import parts
from pegasus_jax.families.gaussians.rig import Rig

_SIZE = 0.7  # of the spacing: neighbours overlap
_THICKNESS = 0.4  # of a Gaussian's size across the surface, along its normal
_LEAST_SIZE = 0.0015  # head units
_LARGEST_SIZES = {parts.SHELL: 0.012}  # head units: large ones of the shell bury the face
_LARGEST_SIZE = 0.02
_OPACITY_LOGITS = {parts.SHELL: 0.5, parts.SCALP: 0.5}  # hair, which learns where it is thin
_OPACITY_LOGIT = 3.0  # of all else, for good: nothing shines through skin, eyeballs and teeth
HIDDEN_LOGIT = -7.0  # of an opacity too small to be drawn
_SURE = 1e-6  # nearer to 0 or 1 no value is that has a logit
_OUTPUT_GAIN = 0.7  # of the mixer: weights of bases begin near a unit normal distribution


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Bases:
    """K linear corrections of N Gaussians."""

    offset: jax.Array  # (K, 3, N) in units of `Rig.basis_freedom`, along tangents and normal
    rotation: jax.Array  # (K, 3, N): x, y, z of the quaternion
    colour: jax.Array  # (K, 3, N)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Mixer:
    """A network of one hidden layer from the 62 driving numbers to the weights of K bases."""

    kernel_in: jax.Array  # (62, H)
    bias_in: jax.Array  # (H,)
    kernel_out: jax.Array  # (H, K)
    bias_out: jax.Array  # (K,)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Params:
    """Parameters of one person's avatar."""

    offset: jax.Array  # (3, N) in units of `Rig.freedom`, along tangents and normal
    quaternion: jax.Array  # (4, N) relative to tangents and normal, not normalised
    log_scale: jax.Array  # (3, N) of head units
    opacity_logit: jax.Array  # (N,)
    colour: jax.Array  # (3, N), clipped to [0, 1] where it is drawn
    bases: Bases
    mixer: Mixer

    @property
    def num_bases(self) -> int:
        """K."""
        return self.bases.offset.shape[0]


def initial_params(rig: Rig, *, num_bases: int, hidden: int, key: jax.Array) -> Params:
    """Returns grey Gaussians that just overlap, flat on the surface; bases are zero."""
    count, inputs = rig.num_gaussians, rig.driving_mean.shape[0]
    key_in, key_out = jax.random.split(key)
    return Params(
        offset=jnp.zeros((3, count)),
        quaternion=jnp.zeros((4, count)).at[0].set(1.0),
        log_scale=initial_log_scale(rig),
        opacity_logit=_by_part(rig, _OPACITY_LOGITS, _OPACITY_LOGIT),
        colour=jnp.full((3, count), 0.5),
        bases=Bases(*(jnp.zeros((num_bases, 3, count)) for _ in range(3))),
        mixer=Mixer(
            kernel_in=jax.random.normal(key_in, (inputs, hidden)) / jnp.sqrt(inputs),
            bias_in=jnp.zeros(hidden),
            kernel_out=_OUTPUT_GAIN * jax.random.normal(key_out, (hidden, num_bases)) / jnp.sqrt(hidden),
            bias_out=jnp.zeros(num_bases),
        ),
    )


def with_last_hidden(params: Params, count: int) -> Params:
    """Returns the parameters with the last `count` Gaussians too transparent to be drawn."""
    hidden = params.opacity_logit.at[params.opacity_logit.shape[0] - count :].set(HIDDEN_LOGIT)
    return dataclasses.replace(params, opacity_logit=hidden)


def initial_log_scale(rig: Rig) -> jax.Array:
    """Returns the logarithms (3, N) of the sizes that Gaussians start with."""
    largest = _by_part(rig, _LARGEST_SIZES, _LARGEST_SIZE)
    log_size = jnp.log(jnp.clip(_SIZE * rig.spacing, _LEAST_SIZE, largest))
    flat = jnp.where(rig.part == parts.SHELL, 0.0, jnp.log(_THICKNESS))
    return jnp.stack([log_size, log_size, log_size + flat])


def opacities(params: Params, rig: Rig) -> jax.Array:
    """Returns the opacities (N,) in [0, 1]; those of hair alone are learned."""
    is_hair = jnp.isin(rig.part, jnp.array(list(_OPACITY_LOGITS)))
    return jax.nn.sigmoid(jnp.where(is_hair, params.opacity_logit, jax.lax.stop_gradient(params.opacity_logit)))


def logits(values: ArrayLike) -> jax.Array:
    """Returns the logits of values in [0, 1], as opacities are kept; 0 and 1 themselves, which have none, are near."""
    sure = jnp.clip(jnp.asarray(values, jnp.float32), _SURE, 1.0 - _SURE)
    return jnp.log(sure) - jnp.log1p(-sure)


def _by_part(rig: Rig, values: dict[int, float], otherwise: float) -> jax.Array:
    """(N,): the value of each Gaussian's part."""
    found = jnp.full(rig.part.shape, otherwise)
    for part, value in values.items():
        found = jnp.where(rig.part == part, value, found)
    return found
