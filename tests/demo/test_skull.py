"""Hair and hats must cover the skull they are built on."""

import numpy as np
import pytest
from scipy.spatial import cKDTree

from pegasus_jax.demo import hair, hats
from pegasus_jax.demo.anatomy import Anatomy
from pegasus_jax.demo.people import CAST
from pegasus_jax.demo.skull import Skull, direction, grid_faces
from pegasus_jax.flame import builtin_head


@pytest.fixture(scope="module", params=["ada", "dan"])
def wearer(request):
    """(anatomy, rest vertices, skull) of one person."""
    anatomy = Anatomy.of(builtin_head())
    rest = anatomy.template + np.asarray(builtin_head().shapedirs) @ CAST[request.param].shape
    return anatomy, rest, Skull.of(anatomy, rest)


def test_the_polar_description_reproduces_the_skin(wearer):
    anatomy, rest, skull = wearer
    rays = rest[anatomy.skull] - skull.centre
    radius = np.linalg.norm(rays, axis=-1)
    assert np.abs(skull.radius(rays / radius[:, None]) - radius).max() < 0.012  # head units: 3 mm


@pytest.mark.parametrize("style", ["short", "curly", "long", "bob"])
def test_hair_covers_the_scalp(wearer, style):
    anatomy, rest, skull = wearer
    owner = next(p for p in CAST.values() if p.hair.style == style)
    piece = hair.build(owner.hair, skull)
    rays = rest[anatomy.skull] - skull.centre
    polar = np.arccos(rays[:, 1] / np.linalg.norm(rays, axis=-1))
    hairline = np.interp(np.arctan2(rays[:, 0], rays[:, 2]), skull.azimuth, skull.hairline)
    well_inside = polar < 0.75 * hairline
    assert well_inside.sum() > 100
    assert _height_over(piece.vertices, rest[anatomy.skull][well_inside], skull).min() > 0


@pytest.mark.parametrize("name", ["eve", "finn"])
@pytest.mark.parametrize("style", ["curly", "long"])
def test_hats_cover_the_hair_under_them(wearer, name, style):
    anatomy, _, skull = wearer
    owner = next(p for p in CAST.values() if p.hair.style == style)
    hat, rim = hats.build(CAST[name].hat, anatomy, skull), hats.rim(anatomy, skull)
    locks = hair.build(owner.hair, skull, pressed_above=rim).vertices
    polar = np.arccos((locks - skull.centre)[:, 1] / np.linalg.norm(locks - skull.centre, axis=-1))
    assert _height_over(hat.vertices, locks[polar < rim.min() - 0.05], skull).min() > 0


def test_bald_is_no_hair(wearer):
    assert hair.build(CAST["dan"].hair, wearer[2]) is None


def test_grids_close_and_face_outwards():
    azimuth, polar = np.linspace(-np.pi, np.pi, 24, endpoint=False), np.linspace(0.2, 3.0, 9)
    vertices = direction(azimuth[:, None], polar[None]).reshape(-1, 3)
    a, b, c = (vertices[grid_faces(24, 9)[:, k]] for k in range(3))
    assert np.einsum("fi,fi->f", np.cross(b - a, c - a), a + b + c).min() > 0
    assert len(grid_faces(24, 9)) == 2 * 24 * 8


def _height_over(shell, points, skull):
    """How far the shell lies above each point, along the ray from the skull's centre."""
    rays, shell_rays = points - skull.centre, shell - skull.centre
    radius, shell_radius = (np.linalg.norm(r, axis=-1) for r in (rays, shell_rays))
    _, nearest = cKDTree(shell_rays / shell_radius[:, None]).query(rays / radius[:, None])
    return shell_radius[nearest] - radius
