"""Poses a baked avatar of rigged Gaussians with NumPy alone. docs/export.md names the arrays.

frame = gaussians(dict(np.load("me_baked.npz")), pose, expression)
means2d, conics, depths = project(frame, T_camera_world, intrinsics, image_side, training_side)
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
    """What each bone does to a place at rest, (6, 3, 4): the ghost bone, which never moves, then five joints."""
    local, turn, place = rotations(pose.reshape(5, 3)), [None] * 5, [None] * 5
    for joint, parent in enumerate(PARENTS):
        turn[joint] = local[joint] if parent < 0 else turn[parent] @ local[joint]
        place[joint] = joints[0] if parent < 0 else turn[parent] @ (joints[joint] - joints[parent]) + place[parent]
    shift = np.array(place) - np.einsum("jab,jb->ja", turn, joints)
    return np.concatenate([np.eye(3, 4)[None], np.concatenate([turn, shift[..., None]], axis=2)])


def weights(a, pose, expression):
    """Of the K bases: a small network of expression, neck, jaw and eyes, held to what the clip has shown."""
    driving = np.clip(np.concatenate([expression, pose[3:]]), a["driving_low"], a["driving_high"])
    standard = (driving - a["driving_mean"]) / a["driving_deviation"]
    return np.tanh(standard @ a["mixer_kernel_in"] + a["mixer_bias_in"]) @ a["mixer_kernel_out"] + a["mixer_bias_out"]


def gaussians(a, pose, expression):
    """One frame of pose (15,) radians and expression (50,): means, covariances, opacities, colours."""
    feature = (rotations(pose.reshape(5, 3)[1:]) - np.eye(3)).reshape(-1)[a["pose_features"]]
    moved = a["rest"].copy()
    moved[:, : a["motion"].shape[2]] += np.einsum("d,dkm->km", np.concatenate([expression, feature]), a["motion"])
    bone = bones(a["joints"] + (expression @ a["joint_motion"]).reshape(5, 3), pose)
    blend = np.einsum("jab,jn->nab", bone, a["lbs_weights"])
    place, first, second = moved.reshape(3, 3, -1).transpose(0, 2, 1)
    means = np.einsum("nab,nb->na", blend[:, :, :3], place) + blend[:, :, 3]
    first, second = (np.einsum("nab,nb->na", blend[:, :, :3], vector) for vector in (first, second))
    normal = np.cross(first, second)
    normal /= np.sqrt((normal**2).sum(axis=1, keepdims=True) + 1e-8)
    frame = np.stack([first, second, normal], axis=2)  # its stretch widens Gaussians
    mixed = weights(a, pose, expression)
    offset = a["offset"] + np.einsum("k,kcn->cn", mixed, a["basis_offset"])
    colour = a["colour"] + np.einsum("k,kcn->cn", mixed, a["basis_colour"])
    quaternion = a["quaternion"].copy()
    quaternion[1:] += np.einsum("k,kcn->cn", mixed, a["basis_rotation"])
    axes = frame @ rotation_matrices(quaternion.T) * a["scale"].T[:, None]
    means = means + np.einsum("nab,bn->na", frame, offset)
    covariances = axes @ axes.transpose(0, 2, 1)
    return {"means": means, "covariances": covariances, "opacities": a["opacity"], "colours": np.clip(colour.T, 0, 1)}


def rotation_matrices(quaternions):
    """(N, 4), w first, of any length -> (N, 3, 3)."""
    w, x, y, z = (quaternions / np.linalg.norm(quaternions, axis=1, keepdims=True)).T
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.moveaxis(np.array(rows), 2, 0)


def project(frame, T_camera_world, intrinsics, image_side, training_side):
    """Means (N, 2) in pixels, inverse covariances (N, 2, 2) and depths (N,) in a camera of OpenCV's axes.

    Where depths are compared, `depth_bias` is added to them: eyeballs and teeth lie behind lids and lips.
    """
    turn, (fx, fy, cx, cy) = T_camera_world[:, :3], intrinsics
    x, y, z = (frame["means"] @ turn.T + T_camera_world[:, 3]).T
    zero = np.zeros_like(x)
    jacobian = np.moveaxis(np.array([[fx / z, zero, -fx * x / z**2], [zero, fy / z, -fy * y / z**2]]), 2, 0) @ turn
    blur = 1 / 12 + (0.3 - 1 / 12) * (image_side / training_side) ** 2
    covariances = jacobian @ frame["covariances"] @ jacobian.transpose(0, 2, 1) + blur * np.eye(2)
    return np.stack([fx * x / z + cx, fy * y / z + cy], axis=1), np.linalg.inv(covariances), z
