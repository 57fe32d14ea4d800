"""The linear algebra of a clip: frames coupled to their neighbours and to a few shared unknowns.

The normal equations have one block per frame on the diagonal, a diagonal coupling between neighbours (smoothness) and
a border of shared unknowns: block-tridiagonal with an arrow. One sweep of block elimination solves them exactly in
time linear in the number of frames.
"""

import dataclasses

import numpy as np
import scipy.linalg


@dataclasses.dataclass(frozen=True)
class NormalEquations:
    """Gauss-Newton's quadratic model of a cost: J'J and J'r. F frames, n unknowns each, m shared; float64."""

    blocks: np.ndarray  # (F, n, n)
    border: np.ndarray  # (F, n, m): frame by shared
    corner: np.ndarray  # (m, m)
    frame_gradient: np.ndarray  # (F, n)
    shared_gradient: np.ndarray  # (m,)
    coupling: np.ndarray  # (F - 1, n): minus the off-diagonal entries between frame f and f + 1

    def damped(self, damping: float, free_frame: np.ndarray, free_shared: np.ndarray) -> "NormalEquations":
        """Marquardt damping of the diagonal, and unknowns that are not `free` (n,), (m,) bool held still."""
        blocks, corner = self.blocks.copy(), self.corner.copy()
        n, m = np.arange(blocks.shape[1]), np.arange(len(corner))
        blocks[:, n, n] *= 1 + damping
        corner[m, m] *= 1 + damping
        blocks *= free_frame[:, None] & free_frame
        corner *= free_shared[:, None] & free_shared
        blocks[:, n[~free_frame], n[~free_frame]] = 1.0
        corner[m[~free_shared], m[~free_shared]] = 1.0
        return NormalEquations(
            blocks,
            self.border * (free_frame[:, None] & free_shared),
            corner,
            self.frame_gradient * free_frame,
            self.shared_gradient * free_shared,
            self.coupling * free_frame,
        )


def solve(equations: NormalEquations) -> tuple[np.ndarray, np.ndarray]:
    """The step (F, n), (m,) that minimises the quadratic model: H step = -gradient.

    Raises:
        numpy.linalg.LinAlgError: the matrix is not positive definite.
    """
    num_frames, n = equations.frame_gradient.shape
    right = np.concatenate([-equations.frame_gradient[:, :, None], -equations.border], axis=2)
    factors, eliminated = [], np.empty_like(right)
    carried_block, carried_right = np.zeros((n, n)), np.zeros_like(right[0])
    for f in range(num_frames):
        # Block f after elimination of f - 1; `coupling` c enters as -diag(c).
        factor = scipy.linalg.cho_factor(equations.blocks[f] - carried_block, lower=True, check_finite=False)
        eliminated[f] = scipy.linalg.cho_solve(factor, right[f] + carried_right, check_finite=False)
        factors.append(factor)
        if f + 1 < num_frames:
            c = equations.coupling[f]
            carried_block = c[:, None] * scipy.linalg.cho_solve(factor, np.diag(c), check_finite=False)
            carried_right = c[:, None] * eliminated[f]
    for f in range(num_frames - 2, -1, -1):
        back = equations.coupling[f][:, None] * eliminated[f + 1]
        eliminated[f] += scipy.linalg.cho_solve(factors[f], back, check_finite=False)
    # eliminated = particular solution and its response to each shared unknown (columns).
    particular, response = eliminated[:, :, 0], eliminated[:, :, 1:]
    if not len(equations.corner):
        return particular, np.zeros(0)
    schur = equations.corner + np.einsum("fnm,fnk->mk", equations.border, response)
    shared_right = -equations.shared_gradient - np.einsum("fnm,fn->m", equations.border, particular)
    shared = scipy.linalg.solve(schur, shared_right, assume_a="pos", check_finite=False)
    return particular + response @ shared, shared
