"""A few vertices of a head model that pose exactly as they do in the whole head."""

import dataclasses

import numpy as np

from pegasus_jax.flame.model import NUM_JOINTS, NUM_POSE_FEATURES, HeadModel


def submesh(head: HeadModel, vertex_ids: np.ndarray) -> HeadModel:
    """`head` reduced to `vertex_ids` (K,), in that order, for `lbs.vertices`; no faces, landmarks or regions remain.

    Joints are regressed from all vertices, so the five rest joints ride along as vertices K…K+4: they are linear in
    betas and expression like any vertex, and the reduced regressor just picks them.
    """
    regressor = np.asarray(head.J_regressor)
    num_kept = len(vertex_ids)
    picks = np.zeros((NUM_JOINTS, num_kept + NUM_JOINTS), np.float32)
    picks[np.arange(NUM_JOINTS), num_kept + np.arange(NUM_JOINTS)] = 1.0

    def kept_and_joints(array: np.ndarray) -> np.ndarray:
        array = np.asarray(array)
        return np.concatenate([array[vertex_ids], np.tensordot(regressor, array, axes=1)]).astype(np.float32)

    still = np.zeros((NUM_POSE_FEATURES, NUM_JOINTS, 3), np.float32)
    return dataclasses.replace(
        head,
        v_template=kept_and_joints(head.v_template),
        faces=np.zeros((0, 3), np.int32),
        shapedirs=kept_and_joints(head.shapedirs),
        exprdirs=kept_and_joints(head.exprdirs),
        posedirs=np.concatenate([np.asarray(head.posedirs)[:, vertex_ids], still], axis=1),
        J_regressor=picks,
        lbs_weights=np.concatenate([np.asarray(head.lbs_weights)[vertex_ids], np.eye(NUM_JOINTS, dtype=np.float32)]),
        contour=None,
        mediapipe=None,
        iris=None,
        regions={},
        uv=None,
    )
