"""Joints, skinning weights and pose correctives of the built-in head."""

import numpy as np
import scipy.optimize
import scipy.sparse

from pegasus_jax.flame.builtin import face_plan
from pegasus_jax.flame.builtin.anatomy import Anatomy, Tissue
from pegasus_jax.flame.builtin.fields import bump, outwards, smoothstep, unmirrored
from pegasus_jax.flame.model import NUM_JOINTS, NUM_POSE_FEATURES

ROOT_JOINT = np.array([0.0, -116.0, -40.0])  # base of the neck
NECK_JOINT = np.array([0.0, -41.0, -40.0])  # below the skull
JAW_JOINT = np.array([0.0, -11.5, -12.0])
_CORNER_Z = 68.0  # of the mouth's corners
_SMOOTHING_ROUNDS = 8
_JAW_SIN = (14, 16)  # pose features -sin and +sin of a jaw rotation about x (spec: row-major R - I of joint 2)
_NECK_SIN = (5, 7)


def skinning_weights(anatomy: Anatomy) -> np.ndarray:
    """(V, 5), rows sum to 1: root and neck share the neck, the jaw takes what is below the mouth."""
    root, jaw = _root_share(anatomy.positions), jaw_share(anatomy)
    weights = np.zeros((len(anatomy.positions), NUM_JOINTS))
    weights[:, 0] = root
    weights[:, 2] = (1.0 - root) * jaw
    weights[:, 1] = 1.0 - root - weights[:, 2]
    for joint, side in ((3, 1), (4, -1)):
        eyeball = anatomy.of(Tissue.EYEBALL) & (anatomy.side == side)
        weights[eyeball] = np.eye(NUM_JOINTS)[joint]
    return weights


def jaw_share(anatomy: Anatomy) -> np.ndarray:
    """How much of each vertex (V,) follows the jaw."""
    share = _jaw_share_of_skin(anatomy)
    inside = anatomy.of(Tissue.MOUTH_INSIDE)
    share[inside] = 0.5 - 0.5 * anatomy.above[inside]
    share[anatomy.of(Tissue.UPPER_TEETH, Tissue.EYEBALL, Tissue.EYELID_INSIDE, Tissue.EAR)] = 0.0
    share[anatomy.of(Tissue.LOWER_TEETH)] = 1.0
    return share


def joint_regressor(anatomy: Anatomy) -> np.ndarray:
    """(5, V) non-negative, rows sum to 1: the joints as averages of vertices around them."""
    regressor = np.zeros((NUM_JOINTS, len(anatomy.positions)))
    skin, z = anatomy.of(Tissue.SKIN), anatomy.positions[:, 2]
    for joint, place, near in ((0, ROOT_JOINT, skin), (1, NECK_JOINT, skin), (2, JAW_JOINT, skin & (z < 25.0))):
        candidates = np.flatnonzero(near & (np.abs(anatomy.positions[:, 1] - place[1]) < 15.0))
        regressor[joint, candidates] = _average_to(anatomy.positions[candidates], place)
    for joint, side in ((3, 1), (4, -1)):
        eyeball = np.flatnonzero(anatomy.of(Tissue.EYEBALL) & (anatomy.side == side))
        poles = eyeball[[z[eyeball].argmin(), z[eyeball].argmax()]]
        regressor[joint, poles] = 0.5
    return regressor


def pose_correctives(anatomy: Anatomy) -> np.ndarray:
    """(36, V, 3) mm: cheeks that hollow under an opening jaw, a nape that folds under a neck thrown back."""
    points, skin = anatomy.positions, anatomy.of(Tissue.SKIN)
    correctives = np.zeros((NUM_POSE_FEATURES, len(points), 3))
    cheek = bump(unmirrored(points), (50.0, -30.0, 45.0), (18.0, 20.0, 25.0)) * skin
    throat = bump(points, (0.0, -90.0, 30.0), (35.0, 14.0, 25.0)) * skin
    nape = bump(points, (0.0, -60.0, -92.0), (40.0, 25.0, 25.0)) * skin
    by_jaw = cheek[:, None] * np.array([-6.0, 0.0, -3.0]) * outwards(points)
    by_jaw += throat[:, None] * np.array([0.0, -4.0, 3.0])
    by_neck = nape[:, None] * np.array([0.0, 0.0, 5.0])
    for (minus, plus), field in ((_JAW_SIN, by_jaw), (_NECK_SIN, by_neck)):
        correctives[minus], correctives[plus] = -0.5 * field, 0.5 * field
    return correctives


def _root_share(points: np.ndarray) -> np.ndarray:
    along_neck = -(points[:, 1] + 0.33 * (points[:, 2] - ROOT_JOINT[2]))  # the nape starts higher than the throat
    return smoothstep(along_neck, 76.0, 114.0)


def _jaw_share_of_skin(anatomy: Anatomy) -> np.ndarray:
    """A step at the line from the jaw joint to the mouth's corner, sharp between the lips, softer behind."""
    x, y, z = np.abs(anatomy.positions[:, 0]), anatomy.positions[:, 1], anatomy.positions[:, 2]
    line = np.interp(z, [JAW_JOINT[2], _CORNER_Z], [JAW_JOINT[1], face_plan.MOUTH_Y])
    below = line - y - face_plan.SLIT * anatomy.above
    behind = np.clip(x - face_plan.MOUTH_HALF_WIDTH, 0.0, None) + 0.6 * np.clip(_CORNER_Z - z, 0.0, None)
    softness = face_plan.SLIT + 17.0 * smoothstep(behind, 0.0, 40.0)
    share = smoothstep(below, -softness, softness)
    # Between the lips the share follows the angle around the slit, so that the open mouth is an ellipse.
    on_lips = _on_lips(anatomy)
    share[on_lips] = 0.5 - 0.5 * anatomy.above[on_lips]
    share *= smoothstep(z, -32.0, 8.0)
    under_chin = smoothstep(-y, 62.0, 84.0)
    share *= 1.0 - under_chin * (1.0 - smoothstep(z, 12.0, 62.0))
    return _smoothed(share, anatomy)


def _on_lips(anatomy: Anatomy) -> np.ndarray:
    return (anatomy.mouth_ring >= 0) & (anatomy.mouth_ring <= face_plan.VERMILION_LOOP)


def _smoothed(share: np.ndarray, anatomy: Anatomy) -> np.ndarray:
    """Averages over neighbours, but for the lips, whose step is wanted."""
    edges = anatomy.faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    count = len(share)
    ones = np.ones(len(edges))
    adjacency = scipy.sparse.csr_matrix((ones, (edges[:, 0], edges[:, 1])), shape=(count, count))
    adjacency = ((adjacency + adjacency.T) > 0).astype(np.float64)
    degree = np.maximum(np.asarray(adjacency.sum(axis=1))[:, 0], 1.0)
    free = anatomy.of(Tissue.SKIN) & ~_on_lips(anatomy)
    for _ in range(_SMOOTHING_ROUNDS):
        share = np.where(free, 0.5 * share + 0.5 * (adjacency @ share) / degree, share)
    return share


def _average_to(points: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Non-negative weights (N,) that sum to 1 and average `points` (N, 3) to `place`, the same on both sides."""
    spread = 1e-3 * np.eye(len(points))  # prefers many small weights to four large ones
    system = np.concatenate([points.T, np.full((1, len(points)), 100.0), spread])
    wanted = np.concatenate([place, [100.0], np.zeros(len(points))])
    weights, _ = scipy.optimize.nnls(system, wanted)
    return weights / weights.sum()
