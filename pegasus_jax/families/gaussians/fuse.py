"""Another's hair without training: Gaussians of two people share the triangles of one head model.

The recipient's own hair is taken off, skin beneath it is inpainted from the skin beside it, and the other's hair is
bound to the recipient's own triangles, where it hangs as on a head of that shape (`flame.hair_retargeting`). What comes
out is an avatar like any other; the expression no longer moves its hair.
"""

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import scipy.spatial

from pegasus_jax.core.inpainting import inpaint_from_neighbours
from pegasus_jax.errors import UserError
from pegasus_jax.families.gaussians import parts
from pegasus_jax.families.gaussians.avatar import TrainedGaussianAvatar
from pegasus_jax.families.gaussians.binding import Binding, joined
from pegasus_jax.families.gaussians.params import Params
from pegasus_jax.families.gaussians.rig import moving_first
from pegasus_jax.flame.hair_retargeting import retarget_hair

HAIR = "hair"
_MOSTLY = 0.5  # share of hair from which on a Gaussian is hair that is lent
_TRACE = 0.1  # from which on it leaves with the recipient's own hair: a dark rim would stay on the forehead


def wear_hair(source: TrainedGaussianAvatar, target: TrainedGaussianAvatar) -> TrainedGaussianAvatar:
    """Returns the target with the source's hair; both have one head model.

    Raises:
        UserError: one of them does not know which of its Gaussians are hair, or the source has none.
    """
    of_source, of_target = _share_of_hair(source, "source"), _share_of_hair(target, "target")
    theirs, ours = of_source > _MOSTLY, of_target > _TRACE
    if not theirs.any():
        raise UserError("The source shows no hair that could be lent: masks of hair in its clip are empty.")
    removed, bared = _given_up(source, target, theirs, ours)
    skin = _with_bare_skin(target, bared, known=~ours & ~removed & _is_on_surface(target))
    kept, taken = np.flatnonzero(~removed), np.flatnonzero(theirs)
    binding = joined(_rows(target.binding, kept), _bound_anew(source, target, theirs, taken))
    order, _ = moving_first(target.head, binding)
    params = _joined(_gaussians(skin, kept), _without_bases(_gaussians(source.bake().params, taken), like=skin))
    share = np.concatenate([np.where(bared, 0.0, of_target)[kept], of_source[taken]]).astype(np.float32)
    return TrainedGaussianAvatar(
        target.description,
        _gaussians(params, order),
        _rows(binding, order),
        target.driving,
        np.ones(len(order), bool),
        share[order],
    )


def _share_of_hair(avatar: TrainedGaussianAvatar, name: str) -> np.ndarray:
    """(N,) in [0, 1]."""
    if avatar.hair is None:
        raise UserError(f"The {name} was trained before avatars knew their hair; train it again.")
    return np.asarray(avatar.hair)


def _is_on_surface(avatar: TrainedGaussianAvatar) -> np.ndarray:
    """(N,) bool: on the head, and not inside it."""
    return ~np.isin(avatar.binding.part, (parts.SHELL, *parts.INSIDE))


def _given_up(
    source: TrainedGaussianAvatar, target: TrainedGaussianAvatar, theirs: np.ndarray, ours: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Which of the target's M Gaussians go, and which become skin: (M,) bool each.

    Its own hair goes; so does what lies on the head where hair lies on the source's. Hair on the head that nothing
    takes the place of leaves skin.
    """
    here, there = _is_on_surface(target), _is_on_surface(source)
    places = source.bake().anchors[there]
    _, nearest = scipy.spatial.cKDTree(places).query(target.bake().anchors)
    replaced = here & theirs[there][nearest]
    return (ours & ~here) | replaced, ours & here & ~replaced


def _with_bare_skin(target: TrainedGaussianAvatar, bared: np.ndarray, *, known: np.ndarray) -> Params:
    """The target's parameters with skin instead of hair on its scalp."""
    look = target.bake()
    params = look.params
    colours = inpaint_from_neighbours(look.anchors, np.asarray(params.colour).T, unknown=bared, known=known)
    opaque = float(np.median(np.asarray(params.opacity_logit)[known])) if known.any() else 0.0
    free = jnp.asarray(bared)
    return dataclasses.replace(
        params,
        colour=jnp.asarray(colours.T, jnp.float32),
        opacity_logit=jnp.where(free, opaque, params.opacity_logit),
        bases=jax.tree.map(lambda leaf: jnp.where(free, 0.0, leaf), params.bases),
        offset=jnp.where(free, 0.0, params.offset),
    )


def _bound_anew(
    source: TrainedGaussianAvatar, target: TrainedGaussianAvatar, theirs: np.ndarray, taken: np.ndarray
) -> Binding:
    """The source's hair as it is bound to the target's head."""
    look = source.bake()
    moved = retarget_hair(
        look.head, look.head_vertices, look.anchors, look.vertices, theirs, own=source.betas, other=target.betas
    )
    hair = _rows(source.binding, taken)
    return dataclasses.replace(hair, offset=(hair.offset + moved[taken]).astype(np.float32))


def _rows(binding: Binding, rows: np.ndarray) -> Binding:
    return jax.tree.map(lambda array: np.asarray(array)[rows], binding)


def _gaussians(params: Params, rows: np.ndarray) -> Params:
    """Parameters of some of the Gaussians."""
    return _per_gaussian(lambda leaf: leaf[..., rows], params)


def _without_bases(params: Params, *, like: Params) -> Params:
    """The parameters with as many bases as another has, all zero: another's mixer would drive them."""
    shape = (like.num_bases, 3, params.opacity_logit.shape[0])
    return dataclasses.replace(params, bases=jax.tree.map(lambda leaf: jnp.zeros(shape), params.bases))


def _joined(first: Params, second: Params) -> Params:
    """The Gaussians of both, in order, with the first's mixer."""
    return _per_gaussian(lambda *leaves: jnp.concatenate(leaves, axis=-1), first, second)


def _per_gaussian(change: Callable[..., jax.Array], *params: Params) -> Params:
    """The first of some parameters with `change` of all of theirs in every leaf (*, N); the mixer has no such axis."""
    names = [field.name for field in dataclasses.fields(Params) if field.name != "mixer"]
    leaves = [{name: getattr(one, name) for name in names} for one in params]
    return dataclasses.replace(params[0], **jax.tree.map(change, *leaves))
