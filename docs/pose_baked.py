"""Poses a baked avatar with NumPy alone: points, colours and radii of one frame. docs/export.md names the arrays.

frame = points(dict(np.load("me_baked.npz")), pose, expression)
"""

import numpy as np

PARENTS = (-1, 0, 1, 1, 1)


def rotations(axis_angle):
    """Rodrigues: (J, 3) radians -> (J, 3, 3)."""
    angle = np.linalg.norm(axis_angle, axis=1)[:, None, None] + 1e-12
    x, y, z = axis_angle.T / angle[:, 0, 0]
    zero = np.zeros_like(x)
    skew = np.moveaxis(np.array([[zero, -z, y], [z, zero, -x], [-y, x, zero]]), 2, 0)
    return np.eye(3) + np.sin(angle) * skew + (1 - np.cos(angle)) * skew @ skew


def bones(joints, pose):
    """What each bone does to a point at rest, (6, 3, 4): the ghost bone, which never moves, then five joints."""
    local, turn, place = rotations(pose.reshape(5, 3)), [None] * 5, [None] * 5
    for joint, parent in enumerate(PARENTS):
        turn[joint] = local[joint] if parent < 0 else turn[parent] @ local[joint]
        place[joint] = joints[0] if parent < 0 else turn[parent] @ (joints[joint] - joints[parent]) + place[parent]
    shift = np.array(place) - np.einsum("jab,jb->ja", turn, joints)
    return np.concatenate([np.eye(3, 4)[None], np.concatenate([turn, shift[..., None]], axis=2)])


def points(a, pose, expression):
    """One frame of pose (15,) radians and expression (50,): positions and normals (N, 3), and what else is drawn."""
    feature = (rotations(pose.reshape(5, 3)[1:]) - np.eye(3)).reshape(-1) - a["pose_feature_c"]
    mean_free = expression - a["expression_c"]
    mode = np.einsum("rkc,k->rc", a["mode_pose"], feature) + a["mode_expression"] @ mean_free
    vertex = a["vertex_offset"] + a["vertex_expression"] @ mean_free + np.einsum("kvc,k->vc", a["vertex_pose"], feature)
    moved = a["positions_rest"] + np.einsum("rc,rkn->ckn", mode, a["modes"].astype(np.float32))  # (3, 4, N)
    moved[:, 0] += vertex[a["vertex"]].T
    bone = bones(a["joints"] + a["joints_by_expression"] @ expression, pose)
    blend = np.einsum("jab,jkn->kabn", bone, a["lbs_weights"].astype(np.float32))  # (4, 3, 4, N)
    positions = np.einsum("abn,bn->an", blend[0, :, :3], moved[:, 0]) + blend[0, :, 3]
    tangents = np.einsum("kabn,bn->kan", blend[1:, :, :3], moved[:, 0]) + blend[1:, :, 3]
    tangents += np.einsum("abn,bkn->kan", blend[0, :, :3], moved[:, 1:])  # along a, b and n
    normals = np.cross(tangents[0], tangents[1], axis=0)
    normals *= np.where((normals * tangents[2]).sum(axis=0) < 0, -1, 1) / (np.linalg.norm(normals, axis=0) + 1e-12)
    shading = nearest_shading(a["shading"], a["table"], normals)
    for one in (normals.T, shading):  # points that have the mean of others' instead of their own
        one[a["lent_to"]] = np.einsum("ckd,ck->cd", one[a["lent_from"]], a["lent_share"])
    normals /= np.linalg.norm(normals, axis=0) + 1e-12
    colour = np.clip(2 * shading * a["albedo"], 0, 1)
    return {"positions": positions.T, "normals": normals.T, "colour": colour, "radius": a["radius"]}


def nearest_shading(tables, which, normals):
    """Shading (N, 3) of normals (3, N): the nearest entry of an octahedral table, of several the one that is named."""
    x, y, z = normals / np.abs(normals).sum(axis=0).clip(1e-12)
    folded = (1 - np.abs(y)) * np.where(x < 0, -1, 1), (1 - np.abs(x)) * np.where(y < 0, -1, 1)
    place = np.where(z < 0, folded, (x, y)) * 0.5 + 0.5
    row, column = np.round(place * (tables.shape[1] - 1)).astype(int)
    return tables[which, row, column]
