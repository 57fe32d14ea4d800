"""What a run of points starts from: the head at its canonical state, and where points are."""

import jax
import jax.numpy as jnp
import numpy as np

from pegasus_jax.data.videos import Videos
from pegasus_jax.families.free_points.head_space import ANY_PART, HeadSpace, head_space
from pegasus_jax.families.free_points.initial import sphere_points
from pegasus_jax.families.points import cloud, head_in_clip
from pegasus_jax.families.points.settings import PointSettings
from pegasus_jax.families.points.terms import Scene
from pegasus_jax.families.points.visual_hull import hull_points
from pegasus_jax.flame.model import HeadModel


def make_scene(model: HeadModel, videos: Videos, settings: PointSettings) -> Scene:
    """The head at the run's canonical state, and the constants of its losses."""
    variance = np.maximum(videos.expression_variance, settings.expression_variance_floor)
    return Scene(
        space=jax.tree.map(jnp.asarray, head_space(model, jnp.asarray(videos.expression_c))),
        expression_variance=jnp.asarray(variance, jnp.float32),
        ndc_per_unit=jnp.float32(videos.ndc_per_unit),
    )


def initial_points(
    settings: PointSettings, space: HeadSpace, videos: Videos, *, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Points (N, 3), generic canonical, and the part (N,) of the head that each keeps to."""
    rng, schedule = np.random.default_rng(seed), settings.cloud
    if schedule.init != "head":
        return sphere_points(schedule.init_points, rng), np.full(schedule.init_points, ANY_PART, np.int32)
    points, part = cloud.surface_points(
        np.asarray(space.vertices_fc),
        np.asarray(space.head.faces),
        np.asarray(space.parts),
        schedule.init_points,
        rng,
        fineness=np.asarray(space.fineness),
        areas=_areas(space, videos),
    )
    if schedule.hull_points:
        beyond = hull_points(space, videos.sample(0), schedule.hull_points, rng)
        points, part = np.concatenate([points, beyond]), np.concatenate([part, np.zeros(len(beyond), part.dtype)])
    return points, part


def _areas(space: HeadSpace, videos: Videos) -> np.ndarray:
    tracked = {
        name: np.concatenate([getattr(clip, name) for clip in videos.own]) for name in ("betas", "expression", "pose")
    }
    return head_in_clip.largest_areas(space, **tracked)
