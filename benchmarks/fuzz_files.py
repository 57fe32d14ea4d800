"""The files that `fuzz.py` spoils: a good one of every kind, and how the package reads it."""

import dataclasses
import json
import pathlib
import pickle
import zipfile
from collections.abc import Callable, Collection
from typing import Any

import cv2
import numpy as np

from pegasus_jax import media
from pegasus_jax.errors import UserError


@dataclasses.dataclass(frozen=True)
class Kind:
    """One kind of input."""

    files: tuple[str, ...]  # that are spoilt, in the kind's folder; patterns
    essential: tuple[str, ...]  # keys and arrays that its reader needs, so that it has to refuse others' values there
    read: Callable[[pathlib.Path], Any]  # given the kind's folder
    lenient: tuple[str, ...] = ()  # changes that its reader may take


def _dataset(folder: pathlib.Path) -> None:
    from pegasus_jax.data import read_dataset

    dataset = read_dataset(folder)
    dataset.images(indices=[0])
    dataset.masks(indices=[0])
    for name in dataset.part_names:
        dataset.parts(name, indices=[0])
    dataset.synthesis  # noqa: B018  it is checked when it is asked for


def _avatar(name: str) -> Callable[[pathlib.Path], None]:
    def read(folder: pathlib.Path) -> None:
        from pegasus_jax.inference import load

        load(folder / name)

    return read


def _work_folder(folder: pathlib.Path) -> None:
    from pegasus_jax.inference import load
    from pegasus_jax.inference.run_record import read_journal, read_run

    read_run(folder / "run")
    read_journal(folder / "run")
    load(folder / "run")


def _look(folder: pathlib.Path) -> None:
    from pegasus_jax.inference import load
    from pegasus_jax.inference.look_file import load_look

    if "avatar" not in _KEPT:
        _KEPT["avatar"] = load(folder / "me.npz")
    load_look(folder / "look.json", _KEPT["avatar"])


_KEPT: dict[str, Any] = {}


def _head(name: str) -> Callable[[pathlib.Path], None]:
    def read(folder: pathlib.Path) -> None:
        from pegasus_jax.flame import load_head

        load_head(folder / name)

    return read


def _tensors(name: str) -> Callable[[pathlib.Path], None]:
    def read(folder: pathlib.Path) -> None:
        from pegasus_jax.torch_files import read_tensors

        for tensor in read_tensors(folder / name).values():
            if isinstance(tensor, np.ndarray):
                np.ascontiguousarray(tensor).sum()

    return read


def _plan(folder: pathlib.Path) -> None:
    from pegasus_jax.plan.run import read_plan

    read_plan(folder / "plan.json")


def _swaps(folder: pathlib.Path) -> None:
    from pegasus_jax.synthesis.plan import read_plan

    read_plan(folder / "swaps.json")


def _clip(name: str) -> Callable[[pathlib.Path], None]:
    def read(folder: pathlib.Path) -> None:
        from pegasus_jax.capture.video import read_frames

        told: list[str] = []
        for _ in read_frames(folder / name, told=told.append):
            pass
        if told:  # the rest of a clip is used, and what is not, is said
            raise UserError(told[0])

    return read


def _facekit(folder: pathlib.Path) -> None:
    from pegasus_jax.flame.ict.published import open_published

    hashes = json.loads((folder / "hashes").read_text())
    with open_published(folder / "facekit.zip", hashes=hashes) as read:
        for name in hashes:
            read(name)


def _expression(folder: pathlib.Path) -> None:
    from pegasus_jax.families.points.published.importing import read_expression

    read_expression(folder / "expression.npy")


def _network(folder: pathlib.Path) -> None:
    from pegasus_jax.evaluation.onnx_features import ARCFACE, OnnxFeatures

    OnnxFeatures(folder / "network.onnx", preprocessing=ARCFACE)(np.zeros((1, 112, 112, 3), np.float32))


_POINTS = ("points", "part", "radius", "networks.latents.base.value", "description")
_GAUSSIANS = (
    "params.offset",
    "params.log_scale",
    "params.colour",
    "binding.faces_idx",
    "binding.bary",
    "driving",
    "seen",
)
_HEAD = ("v_template", "f", "shapedirs", "posedirs", "J_regressor", "weights", "kintree_table")
_DESCRIPTION = ("family", "betas", "canonical_expression", "looks", "head_sha256", "image_size", "format")
_CHECKPOINT = tuple(f"run/checkpoints/8/default/{name}" for name in ("_METADATA", "manifest.ocdbt", "d/*"))
_FUSED = ("source.points", "target.points", "alignment.hair.motions", "source.description", "fusion")

KINDS: dict[str, Kind] = {
    "imavatar": Kind(
        ("flame_params.json", "image/1.png", "mask/1.png"),
        ("frames", "pose", "expression", "world_mat", "intrinsics", "shape_params", "file_path"),
        _dataset,
    ),
    "capture": Kind(("flame_params.json", "capture.json", "parts/*/1.png"), ("frames", "pose", "attribute"), _dataset),
    "vhap": Kind(
        ("transforms_train.json", "flame_param/00000.npz", "images/00000_00.png"),
        ("frames", "transform_matrix", "file_path", "translation", "expr", "jaw_pose", "eyes_pose", "shape"),
        _dataset,
        lenient=("shape",),  # coefficients are trimmed and padded, and axes of one taken away
    ),
    "insta": Kind(
        ("transforms_train.json", "flame/exp/00000.txt", "flame/jaw/00000.txt"),
        ("frames", "transform_matrix", "file_path", "exp_path"),
        _dataset,
    ),
    "points": Kind(("me.npz",), _POINTS, _avatar("me.npz")),
    "gaussians": Kind(("me.npz",), _GAUSSIANS, _avatar("me.npz")),
    "fused": Kind(("fused.npz",), _FUSED, _avatar("fused.npz")),
    "run": Kind(
        ("run/avatar.json", "run/config.json", "run/metrics.jsonl", *_CHECKPOINT),
        (*_DESCRIPTION, "config", "data", "total_frames", "test_fraction"),
        _work_folder,
    ),
    "look": Kind(("look.json",), ("format", "avatar", "how", "codes", "hair"), _look),
    "head": Kind(("head.npz",), (*_HEAD, "full_lmk_faces_idx", "full_lmk_bary_coords"), _head("head.npz")),
    "flame": Kind(
        ("flame.pkl", "FLAME_masks.pkl", "mediapipe_landmark_embedding.npz", "landmark_embedding.npy"),
        ("lmk_face_idx", "lmk_b_coords", "landmark_indices"),
        _head("flame.pkl"),
    ),
    "zip tensors": Kind(("weights.pth",), (), _tensors("weights.pth")),
    "stream tensors": Kind(("weights.pt",), (), _tensors("weights.pt")),
    "safetensors": Kind(("weights.safetensors",), (), _tensors("weights.safetensors")),
    "plan": Kind(("plan.json",), ("command", "video", "out", "data", "workdir"), _plan),
    "swaps": Kind(("swaps.json",), ("target", "donor", "attribute", "out"), _swaps),
    "pictures": Kind(("clip/1.png", "clip/2.jpg", "clip/3.webp", "clip/4.tif", "clip/5.bmp"), (), _clip("clip")),
    "video": Kind(("clip.mp4",), (), _clip("clip.mp4")),
    "facekit": Kind(("facekit.zip",), (), _facekit),
    "expression": Kind(("expression.npy",), (), _expression),
    "network": Kind(("network.onnx",), (), _network),
}


_OF_AVATARS = {"points", "gaussians", "fused", "run", "look"}


def write(folder: pathlib.Path, kinds: Collection[str]) -> None:
    """Writes a good file of every kind into a folder of the kind's name; avatars only if they are asked for."""
    from tests.data import examples
    from tests.training import tiny

    for name in KINDS:
        (folder / name).mkdir(parents=True)
    examples.write_imavatar(folder / "imavatar")
    (folder / "capture").rmdir()
    tiny.write_swapped(folder / "capture", "hair", "ada", num_frames=3)
    examples.write_vhap(folder / "vhap", moments=4)
    examples.write_insta(folder / "insta", complete=True)
    if not _OF_AVATARS.isdisjoint(kinds):  # which takes longer than all the others
        _write_avatars(folder)
    _write_heads(folder)
    _write_tensors(folder)
    _write_plans(folder)
    _write_pictures(folder)
    _write_facekit(folder / "facekit")
    np.save(folder / "expression" / "expression.npy", np.zeros((1, 50), np.float32))
    _write_network(folder / "network" / "network.onnx")


def _write_avatars(folder: pathlib.Path) -> None:
    from pegasus_jax.editing import Look
    from pegasus_jax.families.description import AvatarDescription
    from pegasus_jax.families.gaussians.avatar import TrainedGaussianAvatar
    from pegasus_jax.families.gaussians.rig import driving_numbers, driving_range
    from pegasus_jax.families.points.fused import FusedPointAvatar
    from pegasus_jax.families.points.fusion.alignments import Alignments
    from pegasus_jax.flame import builtin_head
    from pegasus_jax.flame.model import NUM_BETAS, NUM_EXPRESSION
    from pegasus_jax.inference import load
    from pegasus_jax.inference.look_file import save_look
    from tests.families.gaussians import small
    from tests.inference.untrained import write_run

    write_run(folder / "run")
    journal = "".join(json.dumps({"frames": n, "steps_per_second": 2.0}) + "\n" for n in (8, 16))
    (folder / "run" / "run" / "metrics.jsonl").write_text(journal)
    avatar: Any = load(folder / "run" / "run")
    avatar.save(folder / "points" / "me.npz")
    codes = np.zeros((1, avatar.model.networks.code_size), np.float32)
    alignment = Alignments(codes, np.zeros((1, 6), np.float32), *np.zeros((2, 1), np.float32))
    avatar.save(folder / "look" / "me.npz")
    FusedPointAvatar(avatar, avatar, {"hair": alignment}).save(folder / "fused" / "fused.npz")
    save_look(folder / "look" / "look.json", Look("me", avatar.latent()), avatar)
    rig, places = small.rigged()
    head, driving = builtin_head(), driving_range(np.asarray(driving_numbers(*small.motions(8))))
    description = AvatarDescription.of_run(
        family="gaussians",
        model={"training_side": small.SIDE},
        head=head,
        head_path=None,
        betas=np.zeros(NUM_BETAS),
        canonical_expression=np.zeros(NUM_EXPRESSION),
        looks=("me",),
        image_size=small.SIDE,
    )
    seen, hair = np.ones(len(places), bool), np.zeros(len(places), np.float32)
    gaussians = TrainedGaussianAvatar(description, small.random_params(rig), places, driving, seen, hair)
    gaussians.save(folder / "gaussians" / "me.npz")


def _write_heads(folder: pathlib.Path) -> None:
    from tests.flame import fake_flame
    from tests.training import tiny

    tiny.write_head(folder / "head" / "head.npz")
    flame = folder / "flame"
    fake_flame.write_flame(flame / "flame.pkl")
    (flame / "FLAME_masks.pkl").write_bytes(pickle.dumps({"face": np.arange(30), "nose": np.arange(5)}, protocol=2))
    faces, bary = fake_flame.embedding((105,))
    points = {"lmk_face_idx": faces, "lmk_b_coords": bary, "landmark_indices": np.arange(105)}
    np.savez(flame / "mediapipe_landmark_embedding.npz", **points)
    full, contour = fake_flame.embedding((1, 68)), fake_flame.embedding((79, 17))
    arrays = {
        "full_lmk_faces_idx": full[0],
        "full_lmk_bary_coords": full[1],
        "dynamic_lmk_faces_idx": fake_flame.Tensor(contour[0]),
        "dynamic_lmk_bary_coords": fake_flame.Tensor(contour[1].astype(np.float32)),
    }
    fake_flame.write_npy_dict(flame / "landmark_embedding.npy", arrays)


def _write_tensors(folder: pathlib.Path) -> None:
    from tests import torch_saving

    rng = np.random.default_rng(0)
    content = {"epoch": 3, "a": torch_saving.tensor(rng.normal(size=(20, 30)).astype(np.float32))}
    content["b"] = torch_saving.tensor(np.arange(40), "1")
    torch_saving.write_zip(folder / "zip tensors" / "weights.pth", content)
    torch_saving.write_stream(folder / "stream tensors" / "weights.pt", content)
    header = json.dumps({"a": {"dtype": "F32", "shape": [10, 10], "data_offsets": [0, 400]}}).encode()
    whole = len(header).to_bytes(8, "little") + header + rng.normal(size=100).astype(np.float32).tobytes()
    (folder / "safetensors" / "weights.safetensors").write_bytes(whole)


def _write_plans(folder: pathlib.Path) -> None:
    jobs = [
        {"command": "capture", "video": "ada.mp4", "out": "data/ada"},
        {"command": "train", "data": ["data/ada"], "workdir": "runs/ada", "after": ["data/ada"]},
    ]
    (folder / "plan" / "plan.json").write_text(json.dumps(jobs))
    swap = {"target": "me", "donor": "runs/ada", "attribute": "hair", "out": "me__hair_ada"}
    (folder / "swaps" / "swaps.json").write_text(
        json.dumps([swap, swap | {"out": "me__nose_ada", "attribute": "nose"}])
    )


def _write_pictures(folder: pathlib.Path) -> None:
    rng = np.random.default_rng(0)
    (folder / "pictures" / "clip").mkdir()
    for name in ("1.png", "2.jpg", "3.webp", "4.tif", "5.bmp"):
        assert cv2.imwrite(str(folder / "pictures" / "clip" / name), rng.integers(0, 256, (40, 56, 3), dtype=np.uint8))
    frames = rng.integers(0, 256, (6, 48, 64, 3), dtype=np.uint8)
    media.write_video(folder / "video" / "clip.mp4", frames, fps=25, disclosure=None)


def _write_facekit(folder: pathlib.Path) -> None:
    import hashlib

    content = {"generic_neutral_mesh.obj": b"v 0 0 0\n" * 2000, "vertex_indices.json": b"{}"}
    with zipfile.ZipFile(folder / "facekit.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            archive.writestr(f"ICT-FaceKit/FaceXModel/{name}", data)
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in content.items()}
    (folder / "hashes").write_text(json.dumps(hashes))


def _write_network(path: pathlib.Path) -> None:
    from tests.evaluation import tiny_onnx

    rng = np.random.default_rng(0)
    tiny_onnx.write_network(path, rng.normal(size=(4, 3, 3, 3)), rng.normal(size=4), size=(112, 112))
