"""Steps of a config without data, for benchmarks: shapes matter to them, values do not."""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from pegasus_jax.config import load_config
from pegasus_jax.core.model import TrainState
from pegasus_jax.data.frames import Batch
from pegasus_jax.data.run_data import RunData
from pegasus_jax.families.free_points.head_space import head_space
from pegasus_jax.families.points import cloud
from pegasus_jax.families.points.model import PointsModel
from pegasus_jax.families.points.state import Params
from pegasus_jax.families.points.terms import Scene
from pegasus_jax.flame import builtin_head
from pegasus_jax.training.settings import Settings, from_config
from pegasus_jax.training.step import Step


@dataclasses.dataclass(frozen=True)
class Example:
    """A step, and what it takes: arguments as `DataParallel.replicate` and `split` take them."""

    settings: Settings
    step: Step
    state: TrainState
    scene: Scene
    batch: Batch


def example(
    spec: str,
    *,
    points: int | None = None,
    image_size: int | None = None,
    batch_size: int | None = None,
    devices: int = 1,
    looks: int = 1,
) -> Example:
    """A step of a config, with its largest number of points, for batches of `devices` shares.

    Args:
        spec: `path.py` or `path.py:argument`.
        points: slots of the cloud; the config's `max_points` without it. Likewise `image_size` and `batch_size`.
        devices: on how many it will run.
        looks: of the run.
    """
    settings = from_config(load_config(spec))
    points_settings = dataclasses.replace(
        settings.model, networks=dataclasses.replace(settings.model.networks, look_categories=("hair",) * (looks - 1))
    )
    settings = dataclasses.replace(
        settings,
        image_size=image_size or settings.image_size,
        batch_size=batch_size or settings.batch_size,
        model=points_settings,
    )
    space = jax.tree.map(jnp.asarray, head_space(builtin_head(), jnp.zeros(50)))
    scene = Scene(space, jnp.ones(50), jnp.float32(1.0))
    run = RunData(
        settings=points_settings,
        seed=0,
        total_frames=settings.total_frames,
        image_size=settings.image_size,
        head=builtin_head(),
        betas=np.zeros(100, np.float32),
        videos=None,  # a step looks at none
        stages=None,
        perceptual=None,
    )
    model = PointsModel(run, scene)
    count = points or points_settings.cloud.max_points
    at = np.random.default_rng(0).integers(len(space.vertices_fc), size=count)
    params = Params(model.network_state, space.vertices_fc[at])
    found = cloud.full_cloud(np.zeros(count, np.int32), points_settings.cloud.min_radius, looks=looks)
    state = TrainState(
        frames_seen=jnp.int32(0),
        params=params,
        moments=optax.scale_by_adam().init(params),
        primitives=dataclasses.replace(found, nearest=jnp.broadcast_to(jnp.asarray(at, jnp.int32), (looks, count))),
        overlaps_per_point=jnp.int32(settings.overlaps_per_point),
    )
    step = Step(model, 0, settings.random_background, settings.overlaps_per_point)
    return Example(settings, step, state, scene, _batch(settings, devices))


def _batch(settings: Settings, devices: int) -> Batch:
    count, side = settings.batch_size * devices, settings.image_size
    picture = functools.partial(np.zeros, dtype=np.uint8)
    normal: dict[str, Any] = {}
    if settings.model.step.weights.normal:
        normal = {"normal": picture((count, side, side, 3)), "has_normal": np.ones(count, bool)}
    if settings.model.step.weights.inner:
        normal["inner"] = picture((count, side, side))
    camera = np.hstack([np.diag([1.0, -1.0, -1.0]), [[0.0], [0.0], [4.0]]]).astype(np.float32)
    return Batch(
        image=picture((count, side, side, 3)),
        matte=picture((count, side, side)),
        seg=picture((count, side, side)),
        emphasis=picture((count, side, side)),
        betas=np.zeros((count, 100), np.float32),
        expression=np.zeros((count, 50), np.float32),
        pose=np.zeros((count, 15), np.float32),
        T_camera_world=np.tile(camera, (count, 1, 1)),
        intrinsics=np.tile(np.float32([2.5 * side, 2.5 * side, 0.5 * side, 0.5 * side]), (count, 1)),
        frame=np.arange(count, dtype=np.int32),
        look=np.zeros(count, np.int32),
        **normal,
    )
