import dataclasses

import numpy as np
import pytest

from pegasus_jax.capture.arrow import NormalEquations, solve


def _random_equations(num_frames, n, m, seed=0):
    rng = np.random.default_rng(seed)
    jacobians = rng.normal(size=(num_frames, 2 * (n + m), n + m))
    hessians = np.einsum("frk,frl->fkl", jacobians, jacobians)
    coupling = rng.uniform(0.5, 2.0, size=(max(num_frames - 1, 0), n))
    blocks = hessians[:, :n, :n].copy()
    blocks[:-1] += np.einsum("fn,nk->fnk", coupling, np.eye(n))
    blocks[1:] += np.einsum("fn,nk->fnk", coupling, np.eye(n))
    return NormalEquations(
        blocks=blocks,
        border=hessians[:, :n, n:],
        corner=hessians[:, n:, n:].sum(axis=0) + np.eye(m),
        frame_gradient=rng.normal(size=(num_frames, n)),
        shared_gradient=rng.normal(size=m),
        coupling=coupling,
    )


def _dense_solve(equations):
    num_frames, n = equations.frame_gradient.shape
    size = num_frames * n
    matrix = np.zeros((size + len(equations.corner),) * 2)
    for f in range(num_frames):
        rows = slice(f * n, (f + 1) * n)
        matrix[rows, rows] = equations.blocks[f]
        matrix[rows, size:] = equations.border[f]
        matrix[size:, rows] = equations.border[f].T
        if f + 1 < num_frames:
            following = slice((f + 1) * n, (f + 2) * n)
            matrix[rows, following] = matrix[following, rows] = -np.diag(equations.coupling[f])
    matrix[size:, size:] = equations.corner
    right = -np.concatenate([equations.frame_gradient.ravel(), equations.shared_gradient])
    solution = np.linalg.solve(matrix, right)
    return solution[:size].reshape(num_frames, n), solution[size:]


@pytest.mark.parametrize("shape", [(1, 3, 2), (2, 3, 2), (7, 4, 3), (5, 6, 0)])
def test_block_elimination_agrees_with_a_dense_solve(shape):
    equations = _random_equations(*shape)
    for mine, truth in zip(solve(equations), _dense_solve(equations)):
        np.testing.assert_allclose(mine, truth, rtol=1e-9, atol=1e-12)


def test_held_unknowns_do_not_move_and_the_rest_solves_its_own_system():
    equations = _random_equations(4, 3, 2)
    free_frame, free_shared = np.array([True, False, True]), np.array([False, True])
    step_frame, step_shared = solve(equations.damped(0.0, free_frame, free_shared))
    assert np.all(step_frame[:, ~free_frame] == 0) and np.all(step_shared[~free_shared] == 0)
    reduced = NormalEquations(
        equations.blocks[:, free_frame][:, :, free_frame],
        equations.border[:, free_frame][:, :, free_shared],
        equations.corner[free_shared][:, free_shared],
        equations.frame_gradient[:, free_frame],
        equations.shared_gradient[free_shared],
        equations.coupling[:, free_frame],
    )
    truth_frame, truth_shared = _dense_solve(reduced)
    np.testing.assert_allclose(step_frame[:, free_frame], truth_frame, rtol=1e-9)
    np.testing.assert_allclose(step_shared[free_shared], truth_shared, rtol=1e-9)


def test_damping_shortens_the_step():
    equations = _random_equations(3, 4, 2)
    everything = np.ones(4, bool), np.ones(2, bool)
    lengths = [np.linalg.norm(solve(equations.damped(damping, *everything))[0]) for damping in (0.0, 1.0, 100.0)]
    assert lengths[0] > lengths[1] > lengths[2]


def test_an_indefinite_system_is_refused():
    equations = _random_equations(3, 4, 2)
    with pytest.raises(np.linalg.LinAlgError):
        solve(dataclasses.replace(equations, blocks=-equations.blocks))
