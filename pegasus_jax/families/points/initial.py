"""What a run starts from: the head at its canonical state, networks, points and optimiser."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from pegasus_jax.families.points import cloud, head_in_clip
from pegasus_jax.families.points.head_space import ANY_PART, HeadSpace, head_space
from pegasus_jax.families.points.networks import AvatarNetworks
from pegasus_jax.families.points.visual_hull import hull_points
from pegasus_jax.flame.model import HeadModel
from pegasus_jax.training.settings import Settings
from pegasus_jax.training.state import Params, Tracking, TrainState
from pegasus_jax.training.step import Scene
from pegasus_jax.training.videos import Videos


def make_scene(model: HeadModel, videos: Videos, settings: Settings) -> Scene:
    """The head at the run's canonical state, and the constants of its losses."""
    std = settings.tracking_std
    return Scene(
        space=jax.tree.map(jnp.asarray, head_space(model, jnp.asarray(videos.expression_c))),
        expression_variance=jnp.asarray(videos.expression_variance),
        ndc_per_unit=jnp.float32(videos.ndc_per_unit),
        tracking_std=Tracking(
            jnp.full((1, 15), std["pose"]),
            jnp.full((1, 50), std["expression"]),
            jnp.full((1, 3), std["translation"]),
        ),
    )


def initial_state(settings: Settings, space: HeadSpace, videos: Videos) -> tuple[nnx.GraphDef, TrainState]:
    """Networks, points and optimiser before the first training frame."""
    networks = AvatarNetworks(settings.networks, rngs=nnx.Rngs(settings.seed))
    graphdef, network_state = nnx.split(networks)
    rng = np.random.default_rng(settings.seed)
    schedule = settings.cloud
    if schedule.init == "head":
        vertices, faces = np.asarray(space.vertices_fc), np.asarray(space.head.faces)
        points, part = cloud.surface_points(
            vertices,
            faces,
            np.asarray(space.parts),
            schedule.init_points,
            rng,
            fineness=np.asarray(space.fineness),
            areas=_areas(space, videos),
        )
        if schedule.hull_points:
            beyond = hull_points(space, videos.sample(0), schedule.hull_points, rng)
            points, part = np.concatenate([points, beyond]), np.concatenate([part, np.zeros(len(beyond), part.dtype)])
    else:
        points = cloud.sphere_points(schedule.init_points, rng)
        part = np.full(schedule.init_points, ANY_PART, np.int32)
    params = Params(network_state, jnp.asarray(points), Tracking.zeros(len(videos.train)))
    state = TrainState(
        frames_seen=jnp.int32(0),
        params=params,
        moments=optax.scale_by_adam().init(params),
        cloud=cloud.full_cloud(
            part,
            schedule.init_radius,
            looks=len(videos.counts),
            overlaps_per_point=settings.step.render.overlaps_per_point,
        ),
    )
    return graphdef, cloud.with_room(state, schedule.least_capacity)


def _areas(space: HeadSpace, videos: Videos) -> np.ndarray:
    tracked = {
        name: np.concatenate([getattr(clip, name) for clip in videos.own]) for name in ("betas", "expression", "pose")
    }
    return head_in_clip.largest_areas(space, **tracked)
