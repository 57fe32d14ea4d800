"""Clips whose track is known: the built-in head, projected and drawn."""

import cv2
import numpy as np
from scipy.spatial.transform import Rotation

from pegasus_jax.capture import track as columns
from pegasus_jax.capture.face_landmarks import BLENDSHAPE_NAMES, NUM_LANDMARKS, NUM_MESH_POINTS, FaceDetections
from pegasus_jax.capture.landmark_term import landmark_points, project_clip
from pegasus_jax.capture.observations import LandmarkMap, landmark_map
from pegasus_jax.capture.posing import vertex_points
from pegasus_jax.capture.track import Track
from pegasus_jax.flame.model import HeadModel


def make_track(num_frames: int, *, focal: float, seed: int = 0) -> Track:
    """A head that looks around, speaks and blinks, smoothly."""
    rng = np.random.default_rng(seed)
    phase = np.linspace(0, 2 * np.pi, num_frames, endpoint=False)
    frames = np.zeros((num_frames, columns.FRAME_SIZE))
    frames[:, columns.NECK] = np.stack([0.2 * np.sin(phase), 0.45 * np.cos(phase), 0.1 * np.sin(2 * phase)], axis=1)
    frames[:, columns.JAW.start] = 0.12 * (1 - np.cos(2 * phase))
    frames[:, columns.EYES] = np.tile(np.stack([0.1 * np.sin(phase), 0.2 * np.cos(phase), 0 * phase], axis=1), 2)
    frames[:, columns.PLACEMENT] = [0.03, 0.02, 1.3]
    frames[:, columns.PLACEMENT.start] += 0.05 * np.sin(phase)
    lively = rng.choice(50, 6, replace=False) + columns.EXPRESSION.start
    frames[:, lively] = 0.25 * (1 + np.sin(phase[:, None] * rng.integers(1, 3, 6) + rng.uniform(0, 6, 6)))
    shared = np.zeros(columns.SHARED_SIZE)
    shared[:10] = 0.5 * rng.normal(size=10)
    shared[columns.LOG_FOCAL] = np.log(focal)
    return Track(frames, shared)


def detections_of(head: HeadModel, track: Track, *, side: int, noise: float = 0.0, seed: int = 0) -> FaceDetections:
    """What a perfect detector with `noise` pixels would report; scores are all zero ("unknown")."""
    mapped = landmark_map(head)
    projected = project_clip(landmark_points(head, mapped), track) * side
    projected += noise * np.random.default_rng(seed).normal(size=projected.shape)
    num_frames, num = len(track.frames), len(mapped.indices)
    landmarks = np.zeros((num_frames, NUM_LANDMARKS, 3), np.float32)
    landmarks[:, mapped.indices, :2] = projected[:, :num]
    landmarks[:, mapped.indices, 2] = _depths(head, mapped, track, side)
    if mapped.iris is not None:
        landmarks[:, NUM_MESH_POINTS:, :2] = projected[:, num:]
    return FaceDetections(
        counts=np.ones(num_frames, np.int64),
        landmarks=landmarks,
        blendshapes=np.zeros((num_frames, len(BLENDSHAPE_NAMES)), np.float32),
        poses=np.tile(np.eye(4, dtype=np.float32), (num_frames, 1, 1)),
    )


def _depths(head: HeadModel, mapped: LandmarkMap, track: Track, side: int) -> np.ndarray:
    """MediaPipe's z: like x in scale, smaller is nearer, zero somewhere in the head."""
    corners = np.asarray(head.v_template)[np.asarray(head.faces)[mapped.embedding.faces_idx]]
    points = np.einsum("lkc,lk->lc", corners, mapped.embedding.bary)
    turned = np.stack([Rotation.from_rotvec(neck).apply(points) for neck in track.frames[:, columns.NECK]])
    return -turned[..., 2] * side / track.frames[:, columns.DISTANCE, None]


def draw(head: HeadModel, track: Track, *, side: int) -> np.ndarray:
    """Pictures (F, side, side, 3) uint8 of the head with a skin texture of soft blotches, unlit, far to near."""
    vertices = project_clip(vertex_points(head, np.arange(head.num_vertices)), track) * side
    faces, template = np.asarray(head.faces), np.asarray(head.v_template)
    waves = np.sin(template @ np.random.default_rng(0).normal(scale=60, size=(3, 9))).reshape(-1, 3, 3).sum(axis=1)
    colours = np.clip(150 + 25 * waves, 0, 255)[faces].mean(axis=1)
    images = np.full((len(track.frames), side, side, 3), 255, np.uint8)
    for image, points, neck in zip(images, vertices, track.frames[:, columns.NECK]):
        corners = points[faces]
        edge_a, edge_b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
        front = np.flatnonzero(edge_a[:, 0] * edge_b[:, 1] - edge_a[:, 1] * edge_b[:, 0] < 0)
        nearness = (template @ cv2.Rodrigues(neck)[0].T)[faces, 2].mean(axis=1)
        fixed = np.round((corners - 0.5) * 16).astype(np.int32)
        for face in front[np.argsort(nearness[front])]:
            cv2.fillConvexPoly(image, fixed[face], colours[face].tolist(), cv2.LINE_8, 4)
    return images
