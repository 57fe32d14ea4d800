"""Published runs at random: a head, a checkpoint and its latent tables as files, and what the oracle needs of them."""

import dataclasses
import pathlib
from typing import Any

import numpy as np

from pegasus_jax.flame import load_head
from pegasus_jax.flame.model import HeadModel
from tests.families.points.published import oracle
from tests.torch_saving import tensors, write_zip
from tests.training import tiny

RADIUS = 0.09  # NDC
LOOKS = ("hair_Ada", "nose_Ben")


@dataclasses.dataclass(frozen=True)
class Sizes:
    """Of a published run's networks; a code size of 0 is PointAvatar."""

    code_size: int
    gc: bool
    deformer_width: int
    geometry_width: int
    shading_width: int
    own: bool = False  # a single-video run: 8 own codes instead of 7 base codes and videos

    @property
    def latent_size(self) -> int:
        """Of z."""
        return 9 * (9 + self.code_size) if self.code_size else 0

    @property
    def looks(self) -> tuple[str, ...]:
        """Folders of the training list."""
        return LOOKS if self.code_size and not self.own else ()


CASES = {
    "pointavatar narrow": Sizes(0, gc=False, deformer_width=32, geometry_width=64, shading_width=16),
    "pointavatar": Sizes(0, gc=False, deformer_width=128, geometry_width=256, shading_width=64),
    "pegasus narrow": Sizes(4, gc=True, deformer_width=32, geometry_width=192, shading_width=24),
    "pegasus single video": Sizes(4, gc=False, deformer_width=48, geometry_width=176, shading_width=24, own=True),
    "pegasus": Sizes(32, gc=True, deformer_width=128, geometry_width=512, shading_width=512),
}


@dataclasses.dataclass(frozen=True)
class Run:
    """A published run on disk."""

    sizes: Sizes
    state: dict[str, np.ndarray]
    tables: dict[str, np.ndarray]
    head: HeadModel
    head_path: pathlib.Path
    checkpoint: pathlib.Path
    expression_path: pathlib.Path
    expression_c: np.ndarray

    def oracle(self, look: str | None = None) -> oracle.PublishedModel:
        """The equations in float64 at this run's weights, as the person or wearing a look."""
        return oracle.PublishedModel(self.state, oracle_head(self.head), self.expression_c, self.z(look))

    def z(self, look: str | None) -> np.ndarray | None:
        """The latent vector."""
        if not self.sizes.code_size:
            return None
        codes = self.tables["own" if self.sizes.own else "base"]
        if look is None:
            return oracle.assemble_z(self.tables["zero"], codes, None, None)
        code = self.tables["video"][self.sizes.looks.index(look)]
        return oracle.assemble_z(self.tables["zero"], codes, code, look.split("_")[0])


def oracle_head(head: HeadModel) -> oracle.Head:
    """The arrays of a head in float64."""
    names = ("shapedirs", "exprdirs", "posedirs", "J_regressor", "lbs_weights")
    return oracle.Head(**{name: np.asarray(getattr(head, name), np.float64) for name in names})


def write(folder: pathlib.Path, sizes: Sizes, *, num_points: int = 150, seed: int = 0) -> Run:
    """Writes a run's files; PointAvatar's template has a shape baked into it."""
    rng = np.random.default_rng(seed)
    head_path = tiny.write_head(folder / "head.npz", seed=seed)
    head = load_head(head_path)
    state = oracle.random_state(
        rng,
        num_points=num_points,
        num_vertices=head.num_vertices,
        latent_size=sizes.latent_size,
        gc=sizes.gc,
        seg=sizes.code_size > 0,
        deformer_width=sizes.deformer_width,
        geometry_width=sizes.geometry_width,
        shading_width=sizes.shading_width,
    )
    template = head.v_template
    if not sizes.code_size:
        template = template + head.shapedirs @ rng.normal(size=100).astype(np.float32)
    buffers = {"v_template": template, "lbs_weights": head.lbs_weights, "J_regressor": head.J_regressor}
    for name, buffer in buffers.items():
        state[f"FLAMEServer.{name}"] = state[f"deformer_network.FLAMEServer.{name}"] = buffer
    tables = _tables(rng, sizes)
    parameters = folder / "checkpoints" / "ModelParameters"
    parameters.mkdir(parents=True)
    write_checkpoint(parameters / "latest.pth", state)
    inputs = folder / "checkpoints" / "InputParameters"
    inputs.mkdir()
    if sizes.code_size:
        write_zip(
            inputs / "latest.pth", tensors({"epoch": 7, **{f"{k}_code": {"weight": v} for k, v in tables.items()}})
        )
    expression_c = rng.normal(size=50).astype(np.float32) * 0.3
    np.save(folder / "expression.npy", expression_c[None])
    return Run(
        sizes, state, tables, head, head_path, parameters / "latest.pth", folder / "expression.npy", expression_c
    )


def write_checkpoint(path: pathlib.Path, state: dict[str, np.ndarray], **others: Any) -> None:
    """A ModelParameters file; `others` replace the epoch or the radius."""
    arrays = {name: np.asarray(array, np.float32) for name, array in state.items()}
    write_zip(path, tensors({"epoch": 7, "radius": RADIUS, "model_state_dict": arrays, **others}))


def _tables(rng: np.random.Generator, sizes: Sizes) -> dict[str, np.ndarray]:
    if not sizes.code_size:
        return {}
    rows = {"zero": 1, "own": 8} if sizes.own else {"zero": 1, "base": 7, "video": len(sizes.looks)}
    return {name: (0.25 * rng.normal(size=(count, sizes.code_size))).astype(np.float32) for name, count in rows.items()}
