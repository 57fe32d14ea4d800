import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

import pegasus_jax as pj
from pegasus_jax.core.flame_params import FlameParams
from pegasus_jax.errors import UserError
from pegasus_jax.families.gaussians import binding, parts
from pegasus_jax.families.gaussians.avatar import TrainedGaussianAvatar
from pegasus_jax.families.gaussians.binding import Binding
from pegasus_jax.flame import builtin_head
from pegasus_jax.inference import fuse

from . import small

SKIN, OURS, THEIRS = (0.8, 0.6, 0.5), (0.1, 0.1, 0.1), (0.9, 0.8, 0.2)


def _person(name, betas, hair_colour, *, seed, num_bases=3):
    """An avatar with hair on its scalp and a shell of it above, of one colour, and skin of another."""
    head, betas = builtin_head(), np.asarray(betas, np.float32)
    on_head = small.bound(900, betas)
    above = np.flatnonzero(on_head.part == parts.SCALP)[::2]
    corners = np.asarray(head.faces)[on_head.faces_idx[above]]
    away = np.einsum("nk,nkc->nc", on_head.bary[above], binding.shaped(head, betas)[corners])
    away -= away.mean(axis=0)
    shell = Binding(
        on_head.faces_idx[above],
        on_head.bary[above],
        (0.08 * away / np.linalg.norm(away, axis=1, keepdims=True)).astype(np.float32),
        np.full(len(above), parts.SHELL, np.int32),
    )
    rig, bound = small.rigged(betas=betas, places=binding.joined(on_head, shell))
    hair = np.isin(bound.part, (parts.SCALP, parts.SHELL)).astype(np.float32)
    params = small.random_params(rig, num_bases=num_bases, seed=seed)
    colour = np.where(hair > 0.5, np.array(hair_colour)[:, None], np.array(SKIN)[:, None])
    params = dataclasses.replace(params, colour=jnp.asarray(colour, jnp.float32))
    return small.as_avatar(rig, bound, params, name=name, betas=betas, hair=hair)


@pytest.fixture(scope="module")
def source():
    return _person("ada", np.r_[1.5, -1.0, np.zeros(98)], THEIRS, seed=1, num_bases=2)


@pytest.fixture(scope="module")
def target():
    return _person("me", np.zeros(100), OURS, seed=2)


def _picture(avatar):
    expression, pose = small.motions(1)
    return np.asarray(avatar.render(FlameParams(avatar.betas, expression[0], pose[0]), small.camera(48)).image)


def test_the_source_s_hair_takes_the_place_of_one_s_own(source, target):
    fused = fuse(source, target, ["hair"])
    hair = fused.hair > 0.5
    assert np.count_nonzero(hair) == np.count_nonzero(source.hair > 0.5)
    colour = np.asarray(fused.trained_params.colour)
    assert np.allclose(colour[:, hair].T, THEIRS, atol=0.02)
    assert np.allclose(colour[:, ~hair].T, SKIN, atol=0.02), "nothing of one's own hair is left"
    assert fused.looks == ("me",) and np.array_equal(fused.betas, target.betas)


def test_hair_sits_on_the_recipient_s_head(source, target):
    fused = fuse(source, target, ["hair"])
    there = np.asarray(fused.bake().rig.rest[:3]).T[fused.hair > 0.5]
    on_own = np.asarray(source.bake().rig.rest[:3]).T[source.hair > 0.5]
    as_worn = np.asarray(source.bake().on_shape(target.betas).rig.rest[:3]).T[source.hair > 0.5]
    apart, before = (np.linalg.norm(np.sort(a, axis=0) - np.sort(as_worn, axis=0), axis=1) for a in (there, on_own))
    assert np.median(apart) < 0.5 * np.median(before)


def test_what_is_no_hair_stays_as_it_was(source, target):
    fused = fuse(source, target, ["hair"])
    ours = target.bake()
    face = np.isin(target.binding.part, (parts.FEATURE, *parts.INSIDE))
    kept = {place.tobytes() for place in np.asarray(fused.bake().rig.rest).T}
    assert all(place.tobytes() in kept for place in np.asarray(ours.rig.rest).T[face])
    before, after = _picture(target), _picture(fused)
    mouth = np.s_[28:34, 20:28]
    assert np.abs(after[mouth] - before[mouth]).max() < 0.05
    assert np.abs(after - before).max() > 0.3


def test_a_fused_avatar_is_one_like_any_other(source, target, tmp_path):
    fused = fuse(source, target, ["hair"])
    fused.save(tmp_path / "fused.npz")
    again = pj.load(tmp_path / "fused.npz")
    assert again.fingerprint == fused.fingerprint and np.array_equal(_picture(again), _picture(fused))
    back = fuse(target, again, ["hair"])
    assert np.allclose(np.asarray(back.trained_params.colour)[:, back.hair > 0.5].T, OURS, atol=0.02)


def test_what_cannot_be_lent_is_one_sentence(source, target):
    with pytest.raises(UserError, match="can lend hair alone; got nose"):
        fuse(source, target, ["nose"])
    bald = TrainedGaussianAvatar(**{**_parts(source), "hair": np.zeros_like(source.hair)})
    with pytest.raises(UserError, match="shows no hair that could be lent"):
        fuse(bald, target, ["hair"])
    older = TrainedGaussianAvatar(**{**_parts(source), "hair": None})
    with pytest.raises(UserError, match="The target was trained before avatars knew their hair"):
        fuse(source, older, ["hair"])
    assert "hair" not in older.arrays()
    assert TrainedGaussianAvatar.of_arrays(older.arrays(), where="here").hair is None


def _parts(avatar):
    names = ("description", "binding", "driving", "seen", "hair")
    return {name: getattr(avatar, name) for name in names} | {"params": avatar.trained_params}
