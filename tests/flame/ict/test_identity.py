import numpy as np

from pegasus_jax.flame.ict import identity


def test_the_basis_spans_the_same_gaussian_in_order_of_weighted_variance():
    rng = np.random.default_rng(0)
    modes, areas = rng.normal(size=(50, 3, 8)), rng.uniform(size=50)
    basis = identity.ordered_basis(modes, areas)
    covariance = [np.einsum("vck,wdk->vcwd", b, b) for b in (basis, modes)]
    np.testing.assert_allclose(*covariance, atol=1e-12)
    gram = np.einsum("vck,v,vcl->kl", basis, areas, basis)
    np.testing.assert_allclose(gram, np.diag(np.diag(gram)), atol=1e-12)
    assert (np.diff(np.diag(gram)) < 0).all()
    flat = basis.reshape(-1, 8)
    assert (flat.max(axis=0) == np.abs(flat).max(axis=0)).all(), "the sign is fixed by the largest displacement"


def test_areas_are_thirds_of_the_triangles_around():
    square = np.array([[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [5, 5, 5]])
    areas = identity.vertex_areas(square, np.array([[0, 1, 2], [0, 2, 3]]))
    np.testing.assert_allclose(areas, [1 / 3, 1 / 6, 1 / 3, 1 / 6, 0])
