import numpy as np
import pytest

from pegasus_jax.errors import UserError
from pegasus_jax.flame.ict import meshes

OBJ = b"""# a quad and a triangle
mtllib some.mtl
v 1 2 3
v 100 0 0
v 0 100 0
v -0.5 1e1 0
vt 0 0
vt 0.5 1
usemtl M_Face
f 1/1 2/2 3/1 4/2
usemtl M_Teeth
f 2/2 4/1 3/1
"""


def test_positions_are_metres_in_the_heads_frame():
    expected = np.array([[0.01, 0.014, 0.0], [1, -0.006, -0.03], [0, 0.994, -0.03], [-0.005, 0.094, -0.03]])
    np.testing.assert_allclose(meshes.read_positions(OBJ, source="a.obj"), expected, atol=1e-15)


def test_polygons_keep_their_material_and_texture():
    topology = meshes.read_topology(OBJ, source="a.obj")
    np.testing.assert_array_equal(topology.polygons, [[0, 1, 2, 3], [1, 3, 2, -1]])
    np.testing.assert_array_equal(topology.polygon_uvs, [[0, 1, 0, 1], [1, 0, 0, -1]])
    np.testing.assert_array_equal(topology.uvs, [[0, 0], [0.5, 1]])
    np.testing.assert_array_equal(topology.of("M_Teeth"), [1, 2, 3])
    assert topology.material.tolist() == ["M_Face", "M_Teeth"]


def test_edges_are_the_sides_of_polygons_and_no_diagonals():
    edges = meshes.read_topology(OBJ, source="a.obj").edges()
    np.testing.assert_array_equal(edges, [[0, 1], [0, 3], [1, 2], [1, 3], [2, 3]])


@pytest.mark.parametrize(
    "read, content",
    [
        (meshes.read_positions, b"not a mesh"),
        (meshes.read_positions, b"v 1 2\n"),
        (meshes.read_positions, b"v 1 2 x\n"),
        (meshes.read_topology, b"vt 0 0\nf 1/1 2/x 3/1\n"),
        (meshes.read_topology, b"vt 0 0\nf 1 2 3\n"),
    ],
)
def test_what_is_no_mesh_is_told_by_name(read, content):
    with pytest.raises(UserError, match=r"a\.obj is not one of ICT-FaceKit's meshes.*fetch it again"):
        read(content, source="a.obj")
