"""Small dataset folders as others publish them, written from the formats' descriptions with numpy, cv2 and json alone.

Frame f is moment f, or moment and camera in captures of several cameras; its arrays are drawn from its own seed, so
that a test can draw them again.
"""

import json
import pathlib

import cv2
import numpy as np
from scipy.spatial.transform import Rotation

SIZE = (24, 32)


def rng_of(*seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def rgba(*seed: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """(H, W, 4) uint8: red, green, blue, matte."""
    return rng_of(5, *seed).integers(0, 256, (*size, 4), dtype=np.uint8)


def save(path: pathlib.Path, picture: np.ndarray) -> None:
    """Writes (H, W), (H, W, 3) RGB or (H, W, 4) RGBA."""
    path.parent.mkdir(parents=True, exist_ok=True)
    order = {3: [2, 1, 0], 4: [2, 1, 0, 3]}.get(picture.shape[-1] if picture.ndim == 3 else 0)
    assert cv2.imwrite(str(path), picture if order is None else picture[..., order])


def camera_to_world(*seed: int) -> np.ndarray:
    """4x4, OpenGL's axes, metres: a camera about one metre before the origin that looks at it."""
    rng = rng_of(6, *seed)
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_rotvec(rng.normal(0, 0.1, 3)).as_matrix()
    matrix[:3, 3] = rng.normal([0, 0, 1], 0.05)
    return matrix


def edit(path: pathlib.Path, change) -> None:
    """Applies a function to the json in a file."""
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


# --- IMAvatar, PointAvatar, PEGASUS ---


def imavatar_frame(number: int) -> dict:
    rng = rng_of(1, number)
    return {
        "file_path": f"./image/{number}",
        "world_mat": [[1, 0, 0, 0.01 * number], [0, 1, 0, 0.02], [0, 0, 1, -4.0]],
        "expression": rng.normal(size=50).tolist(),
        "pose": rng.normal(0, 0.1, 15).tolist(),
        "bbox": [-0.5, -0.6, 0.5, 0.4],
        "flame_keypoints": rng.uniform(-1, 1, (70, 2)).tolist(),
    }


def frame_shape(number: int) -> np.ndarray:
    return rng_of(2, number).normal(size=100)


def labels(number: int) -> np.ndarray:
    """(H, W) uint8: a face-parsing map."""
    return rng_of(3, number).integers(0, 19, SIZE, dtype=np.uint8)


def write_imavatar(
    out: pathlib.Path, *, json_name: str = "flame_params.json", per_frame_shape: bool = False, num_frames: int = 5
) -> pathlib.Path:
    """As downloaded: 3-channel soft masks on odd frames, 1-channel hard ones on even frames; label maps; no parts."""
    frames = [imavatar_frame(number) for number in range(1, num_frames + 1)]
    for number in range(1, num_frames + 1):
        picture = rgba(number)
        matte = picture[..., 3] if number % 2 else np.where(picture[..., 3] > 127, 255, 0).astype(np.uint8)
        save(out / "image" / f"{number}.png", picture[..., :3])
        save(out / "mask" / f"{number}.png", np.repeat(matte[..., None], 3, axis=2) if number % 2 else matte)
        save(out / "semantic" / f"{number}.png", labels(number))
    params = {"frames": frames, "intrinsics": [-3.0, 2.9, 0.51, 0.49]}
    if per_frame_shape:
        for number, frame in enumerate(frames, start=1):
            frame["shape_params"] = frame_shape(number).tolist()
    else:
        params["shape_params"] = frame_shape(0).tolist()
    (out / json_name).write_text(json.dumps(params))
    (out / "keypoint.json").write_text(json.dumps({"1.png": [[0, 0]] * 68}))
    return out


# --- VHAP, GaussianAvatars ---


def vhap_intrinsics(camera: int) -> dict:
    height, width = SIZE
    return {"fl_x": 80.0 + camera, "fl_y": 81.0, "cx": 15.5 + camera, "cy": 12.5, "w": width, "h": height}


def vhap_params(moment: int) -> dict[str, np.ndarray]:
    rng = rng_of(7, moment)
    return {
        "translation": rng.normal(0, 0.02, (1, 3)),
        "rotation": rng.normal(0, 0.2, (1, 3)),
        "neck_pose": rng.normal(0, 0.1, (1, 3)),
        "jaw_pose": rng.normal(0, 0.1, (1, 3)),
        "eyes_pose": rng.normal(0, 0.1, (1, 6)),
        "shape": rng_of(8).normal(size=300),
        "expr": rng.normal(size=(1, 100)),
        "static_offset": rng_of(9).normal(size=(1, 20, 3)),
    }


def vhap_frame(moment: int, camera: int, *, suffix: str = ".png") -> dict:
    name = f"{moment:05d}_{camera:02d}"
    return {
        "timestep_index": moment,
        "timestep_id": f"{moment:05d}",
        "camera_index": camera,
        "camera_id": f"{camera:02d}",
        "file_path": f"images/{name}{suffix}",
        "fg_mask_path": f"fg_masks/{name}.png",
        "flame_param_path": f"flame_param/{moment:05d}.npz",
        "transform_matrix": camera_to_world(moment, camera).tolist(),
        **vhap_intrinsics(camera),
    }


def write_vhap(
    out: pathlib.Path, *, moments: int = 6, cameras: int = 2, split: bool = True, suffix: str = ".png"
) -> pathlib.Path:
    """Split as GaussianAvatars': the last camera is for validation, the last two moments are for the test."""
    frames = [vhap_frame(m, c, suffix=suffix) for m in range(moments) for c in range(cameras)]
    for frame in frames:
        picture = rgba(frame["timestep_index"], frame["camera_index"])
        save(out / frame["file_path"], picture[..., :3])
        save(out / frame["fg_mask_path"], picture[..., 3])
    for moment in range(moments):
        (out / "flame_param").mkdir(exist_ok=True)
        np.savez(out / "flame_param" / f"{moment:05d}.npz", **vhap_params(moment))
    late = [frame for frame in frames if frame["timestep_index"] >= moments - 2]
    early = [frame for frame in frames if frame["timestep_index"] < moments - 2]
    parts = {"": frames}
    if split:
        side = [frame for frame in early if frame["camera_index"] == cameras - 1]
        parts = {"_train": [frame for frame in early if frame not in side], "_val": side, "_test": late}
    for name, content in parts.items():
        (out / f"transforms{name}.json").write_text(json.dumps({"frames": content}))
    return out


# --- INSTA ---

INSTA_CAMERA = {"fl_x": 90.0, "fl_y": 91.0, "cx": 16.5, "cy": 11.0, "w": 32.0, "h": 24.0, "camera_angle_x": 0.35}


def opencv_camera_to_world(*seed: int) -> np.ndarray:
    return camera_to_world(*seed) @ np.diag([1.0, -1.0, -1.0, 1.0])


def insta_expression(moment: int) -> np.ndarray:
    return rng_of(10, moment).normal(size=100)


def insta_rotations(moment: int) -> tuple[np.ndarray, np.ndarray]:
    """Axis-angle of jaw (3,) and eyes (6,), radians."""
    return rng_of(11, moment).normal(0, 0.2, 3), rng_of(12, moment).normal(0, 0.2, 6)


def insta_frame(moment: int) -> dict:
    return {
        "file_path": f"images/{moment:05d}.png",
        "exp_path": f"flame/exp/{moment:05d}.txt",
        "mesh_path": f"meshes/{moment:05d}.obj",
        "depth_path": f"depth/{moment:05d}.png",
        "seg_mask_path": f"seg_mask/{moment:05d}.png",
        "transform_matrix": opencv_camera_to_world(moment).tolist(),
    }


def first_rows(axis_angles: np.ndarray) -> np.ndarray:
    """Rotations as 6 numbers each: their first two rows."""
    return Rotation.from_rotvec(axis_angles.reshape(-1, 3)).as_matrix()[:, :2].reshape(-1)


def write_insta(out: pathlib.Path, *, num_frames: int = 8, complete: bool = False) -> pathlib.Path:
    """The last three frames are for the test, the last two of them for validation too; the jsons run backwards.

    `complete` adds shape, jaw and eyes as text files.
    """
    frames = [insta_frame(moment) for moment in range(num_frames)]
    for moment, frame in enumerate(frames):
        save(out / frame["file_path"], rgba(moment))
        texts = {"exp": insta_expression(moment)}
        if complete:
            jaw, eyes = insta_rotations(moment)
            texts.update(shape=frame_shape(moment), jaw=first_rows(jaw), eyes=first_rows(eyes))
        for name, values in texts.items():
            path = out / "flame" / name / f"{moment:05d}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("\n".join(f"{value:.8f}" for value in values))
    parts = {"": frames, "_train": frames[:-3], "_test": frames[-3:], "_val": frames[-2:]}
    for name, content in parts.items():
        (out / f"transforms{name}.json").write_text(json.dumps({**INSTA_CAMERA, "frames": content[::-1]}))
    return out
