"""The oracle against closed forms (spec 17) and, for derivatives, against central differences."""

import numpy as np
import pytest

from tests.families.points.published import camera, networks, posing
from tests.families.points.published.networks import Deformation, constant, variable
from tests.families.points.published.oracle import (
    Fields,
    Head,
    PublishedModel,
    assemble_z,
    random_head,
    random_state,
    random_z,
)

LATENT = 9 * (9 + 2)
KINDS = {
    "pegasus": {"latent_size": LATENT, "gc": True, "seg": True, "geometry_width": 160},
    "pegasus_without_gc": {"latent_size": LATENT, "gc": False, "seg": True, "geometry_width": 160},
    "pointavatar": {"latent_size": 0, "geometry_width": 64},
    "shallow": {"latent_size": 0, "geometry_width": 64, "geometry_depth": 5, "octaves": 3},
}
WORLD_MAT = np.array([[1.0, 0.0, 0.0, 0.1], [0.0, 1.0, 0.0, -0.2], [0.0, 0.0, 1.0, -4.0]])
STEP = 1e-6


def make_model(kind: str, seed: int = 0) -> PublishedModel:
    rng = np.random.default_rng(seed)
    head = random_head(rng, 60)
    sizes = {"num_points": 40, "num_vertices": 60, "deformer_width": 24, "shading_width": 16}
    state = random_state(rng, **sizes, **KINDS[kind], head=head)
    return PublishedModel(state, head, 0.3 * rng.normal(size=50), random_z(rng, KINDS[kind]["latent_size"]))


def random_motion(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=100), rng.normal(size=50), 0.2 * rng.normal(size=15)


@pytest.fixture(scope="module", params=KINDS)
def model(request) -> PublishedModel:
    return make_model(request.param)


@pytest.fixture(scope="module")
def pegasus() -> PublishedModel:
    return make_model("pegasus")


def central_difference(function, points: np.ndarray) -> np.ndarray:
    """Derivatives (..., 3) of a function of (N, 3) points; its rows may depend on their own point only."""
    columns = [(function(points + STEP * axis) - function(points - STEP * axis)) / (2 * STEP) for axis in np.eye(3)]
    return np.stack(columns, axis=-1)


# --- Networks ---------------------------------------------------------------------------------------------------------


def test_parameter_counts_of_the_published_sizes():
    """Spec 3.2 - 3.4, PEGASUS with z of 369."""
    widths = {"deformer_width": 128, "geometry_width": 512, "shading_width": 512}
    state = random_state(
        np.random.default_rng(0), num_points=2, num_vertices=5, latent_size=369, gc=True, seg=True, **widths
    )
    for network, count in [("geometry", 2_108_122), ("deformer", 182_286), ("rendering", 456_198)]:
        arrays = [v for k, v in state.items() if k.startswith(f"{network}_network.") and "FLAME" not in k]
        assert sum(array.size for array in arrays) == count
    assert state["geometry_network.lin3.bias"].shape == (104,)


def test_softplus_is_linear_above_its_threshold():
    points = np.array([[-50.0, 0.0, 0.19], [0.2 + 1e-9, 0.21, 1.0]])
    softplus = networks.softplus(constant(points)).value
    np.testing.assert_array_equal(softplus[1], points[1])
    np.testing.assert_allclose(softplus[0], [0.0, np.log(2) / 100, np.log1p(np.exp(19.0)) / 100], rtol=1e-15)


def test_positional_encoding_has_sine_block_before_cosine_block():
    x = np.array([[0.1, -0.2, 0.3]])
    encoded = networks.positional_encoding(variable(x), 6).value[0]
    assert encoded.shape == (39,)
    np.testing.assert_allclose(encoded[3 + 6 * 2 : 3 + 6 * 3], np.concatenate([np.sin(4 * x[0]), np.cos(4 * x[0])]))


def test_weight_norm_uses_only_the_direction_of_v(pegasus):
    state = dict(pegasus.state)
    weight = networks.layer_weight(state, "geometry_network.lin2")
    length = np.linalg.norm(weight, axis=1, keepdims=True)
    np.testing.assert_allclose(length, state["geometry_network.lin2.weight_g"], rtol=1e-12)
    state["geometry_network.lin2.weight_v"] = 3.0 * state["geometry_network.lin2.weight_v"]
    np.testing.assert_allclose(networks.layer_weight(state, "geometry_network.lin2"), weight, rtol=1e-12)


def test_geometry_network_layer_by_layer(pegasus):
    """One point through plain matrix products, with the skip at layer 4 and the seg head before softplus."""
    state, z, x = pegasus.state, pegasus.z, np.array([0.2, -0.3, 0.35])

    def layer(name: str, h: np.ndarray) -> np.ndarray:
        v = state[f"geometry_network.{name}.weight_v"]
        rows = [g * row / np.linalg.norm(row) for g, row in zip(state[f"geometry_network.{name}.weight_g"][:, 0], v)]
        return np.array(rows) @ h + state[f"geometry_network.{name}.bias"]

    start = np.concatenate([x, *[f(2.0**k * x) for k in range(6) for f in (np.sin, np.cos)], z])
    h = start
    for k in range(9):
        before = layer(f"lin{k}", np.concatenate([h, start]) / np.sqrt(2) if k == 4 else h)
        h = np.logaddexp(0.0, 100.0 * before) / 100.0
    output = layer("lin9", h)
    result = networks.geometry(state, variable(x[None]), z)
    np.testing.assert_allclose(result.sdf.value[0], output[0], rtol=1e-9)
    np.testing.assert_allclose(result.albedo[0], 1.0 / (1.0 + np.exp(-10.0 * output[1:4])), rtol=1e-9)
    np.testing.assert_allclose(result.seg_logit[0], layer("lin_seg0", before)[0], rtol=1e-9)


def test_deformer_slices(pegasus):
    """Known rows of the basis head reach P[k, i], E[i, k] and the offsets (spec 3.3)."""
    state = dict(pegasus.state)
    rows = len(state["deformer_network.blendshapes.bias"])
    state["deformer_network.blendshapes.weight"] = np.zeros_like(state["deformer_network.blendshapes.weight"])
    state["deformer_network.blendshapes.bias"] = np.arange(rows, dtype=np.float64)
    x = pegasus.state["pc.points"][:2]
    result = networks.deformer(state, variable(x), pegasus.z)
    assert result.pose_basis.value[0, 5, 2] == 5 * 3 + 2
    assert result.expression_basis.value[0, 1, 7] == 108 + 50 + 7
    np.testing.assert_array_equal(result.offset_sc.value[1], [rows - 3, rows - 2, rows - 1])
    feature = np.arange(258, rows - 3, dtype=np.float64)
    inner = state["deformer_network.cc_linear.weight"] @ feature + state["deformer_network.cc_linear.bias"]
    expected = state["deformer_network.cc.weight"] @ inner + state["deformer_network.cc.bias"]
    np.testing.assert_allclose(result.offset_gc.value[1], expected, rtol=1e-12)
    assert np.all(result.offset_gc.tangent == 0.0)


# --- Head -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [0.0, 1e-6, 1.0, 3.0])
def test_rodrigues_is_the_matrix_exponential(scale):
    vector = scale * np.array([0.6, -0.64, 0.48])
    x, y, z = vector
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    series = term = np.eye(3)
    for k in range(1, 60):
        term = term @ cross / k
        series = series + term
    rotation = posing.rodrigues(vector)
    np.testing.assert_allclose(rotation, series, atol=5e-8)  # the published 1e-8 in the angle
    np.testing.assert_allclose(rotation.T @ rotation, np.eye(3), atol=5e-8)


def test_joint_transforms_are_nested_rotations_about_the_joints():
    rng = np.random.default_rng(0)
    joints, x = rng.normal(size=(5, 3)), rng.normal(size=3)
    rotations = np.stack([posing.rodrigues(v) for v in rng.normal(size=(5, 3))])
    transforms = posing.joint_transforms(rotations, joints)
    for path in [(0,), (1, 0), (2, 1, 0), (3, 1, 0), (4, 1, 0)]:
        moved = x
        for j in path:
            moved = rotations[j] @ (moved - joints[j]) + joints[j]
        np.testing.assert_allclose((transforms[path[0]] @ np.append(x, 1.0))[:3], moved, atol=1e-12)


def test_ghost_bone_and_pose_feature():
    model = make_model("pegasus")
    betas, expression, pose = random_motion(1)
    articulation = posing.articulate(model.head, model.template, betas, expression, pose)
    np.testing.assert_array_equal(articulation.transforms[0], np.eye(4))
    jaw = posing.rodrigues(pose[6:9]) - np.eye(3)
    np.testing.assert_array_equal(articulation.feature[9:18], jaw.reshape(-1))  # joint 2 after joint 1, no root
    assert posing.canonical_pose()[6] == 0.4


def test_canonical_identity(model):
    """theta_c, psi_c and beta = 0 leave every point where it is, and J = dx_fc/dx_sc (spec 17)."""
    fields = model.fields(np.zeros(100), model.canonical_expression, posing.canonical_pose())
    np.testing.assert_allclose(fields.points_d, fields.points_fc, atol=1e-12)
    offset = networks.deformer(model.state, variable(fields.points_sc), model.z).offset_sc
    np.testing.assert_allclose(fields.jacobian, np.eye(3) + offset.tangent, atol=1e-12)


def test_point_with_the_properties_of_a_vertex_follows_it(pegasus):
    """Spec 17, FLAME check: ghost weight 0, x_fc the vertex of V_c, any pose, expression and shape."""
    head: Head = pegasus.head
    head = head._replace(lbs_weights=head.lbs_weights / head.lbs_weights.sum(axis=1, keepdims=True))  # past float32
    pegasus = PublishedModel(pegasus.state, head, pegasus.canonical_expression, pegasus.z)
    x_fc = constant(pegasus.canonical_vertices())
    weights = np.concatenate([np.zeros((60, 1)), head.lbs_weights], axis=1)
    zero = constant(np.zeros((60, 3)))
    basis = constant(head.posedirs.transpose(1, 0, 2))
    copied = Deformation(None, zero, basis, constant(head.exprdirs), constant(weights))
    motion = random_motion(2)
    moved = posing.pose_points(x_fc, copied, head.shapedirs, pegasus.posing(*motion))
    expected = posing.posed_vertices(head, pegasus.template, *motion)
    assert np.abs(expected - x_fc.value).max() > 0.1
    np.testing.assert_allclose(moved.value, expected, atol=1e-12)


def test_betas_move_pegasus_but_not_pointavatar():
    betas, expression, pose = random_motion(3)
    for kind, moves in [("pegasus", True), ("pointavatar", False)]:
        model = make_model(kind)
        difference = model.deform(betas, expression, pose)[0] - model.deform(0 * betas, expression, pose)[0]
        assert (np.abs(difference).max() > 0.01) == moves


# --- Derivatives ------------------------------------------------------------------------------------------------------


def test_sdf_gradient(model):
    points = model.canonical_points()

    def sdf(x: np.ndarray) -> np.ndarray:
        return networks.geometry(model.state, variable(x), model.z).sdf.value

    gradient = networks.geometry(model.state, variable(points), model.z).sdf.tangent
    np.testing.assert_allclose(gradient, central_difference(sdf, points), atol=1e-8)  # worst seen 1.4e-9


def test_jacobian_with_shape_basis_held(model):
    points, at = model.canonical_points(), model.posing(*random_motion(4))
    x_d = model.deform_canonical(points, at)
    offset = networks.deformer(model.state, variable(points), model.z).offset_sc
    basis = model.shape_basis(points + offset.value)

    def deform(x: np.ndarray) -> np.ndarray:
        return model.deform_canonical(x, at, basis).value

    np.testing.assert_allclose(x_d.tangent, central_difference(deform, points), atol=1e-8)  # worst seen 1.4e-9


def test_normals_stay_orthogonal_to_deformed_tangents(model):
    """What lies in the level set before lies in the deformed level set after."""
    fields = model.fields(*random_motion(5))
    np.testing.assert_allclose(np.linalg.norm(fields.normals_d, axis=1), 1.0, atol=1e-12)
    tangents = np.cross(fields.sdf_gradient[:, None, :], np.eye(3)[None])  # (N, 3 tangents, 3)
    pushed = np.einsum("nab,nkb->nka", fields.jacobian, tangents)
    np.testing.assert_allclose(np.einsum("nka,na->nk", pushed, fields.normals_d), 0.0, atol=1e-12)
    along = np.einsum("nab,nb->na", fields.jacobian, fields.sdf_gradient)
    assert np.all(np.einsum("na,na->n", along, fields.normals_d) > 0.0)  # outwards stays outwards


# --- Camera and rasteriser --------------------------------------------------------------------------------------------


def stored(fx: float, fy: float, cx: float, cy: float, image_size: tuple[int, int]) -> np.ndarray:
    height, width = image_size
    return np.array([-fx / width, fy / height, cx / width, cy / height])


def test_camera_example():
    """Spec 17."""
    intrinsics = stored(1539.67, 1508.93, 261.44, 253.23, (512, 512))
    positions, depth = camera.project(np.array([[0.3, 0.4, 0.5]]), WORLD_MAT, intrinsics, (512, 512))
    np.testing.assert_allclose(camera.ndc_to_pixels(positions, (512, 512))[0], [437.402, 167.005], atol=5e-4)
    np.testing.assert_allclose(depth, 3.5)


@pytest.mark.parametrize("image_size", [(48, 48), (30, 50), (50, 30)])
def test_rotated_camera_is_a_pinhole_in_opencv_axes(image_size):
    rng = np.random.default_rng(6)
    points, rotation = 0.5 * rng.normal(size=(20, 3)), posing.rodrigues(np.array([0.3, -0.5, 0.2]))
    world_mat = np.concatenate([rotation, WORLD_MAT[:, 3:]], axis=1)
    positions, depth = camera.project(points, world_mat, stored(70.0, 60.0, 23.0, 26.0, image_size), image_size)
    opencv = (points @ rotation.T + WORLD_MAT[:, 3]) * [1.0, -1.0, -1.0]
    expected = opencv[:, :2] * [70.0, 60.0] / opencv[:, 2:] + [23.0, 26.0]
    np.testing.assert_allclose(camera.ndc_to_pixels(positions, image_size), expected, rtol=1e-12)
    np.testing.assert_allclose(depth, opencv[:, 2], rtol=1e-12)


def pixel_to_ndc(row: float, column: float, image_size: tuple[int, int]) -> np.ndarray:
    height, width = image_size
    return np.array([width - 2 * (column + 0.5), height - 2 * (row + 0.5)]) / min(height, width)


@pytest.mark.parametrize("image_size", [(8, 8), (6, 10), (10, 6)])
def test_single_point_at_a_pixel_centre(image_size):
    """alpha = 1 at the centre and 1 - d^2/r^2 around it; r spans radius * min(H, W) / 2 pixels in both directions."""
    radius = 2.5 / (min(image_size) / 2)
    position = pixel_to_ndc(3, 2, image_size)[None]
    picture = camera.splat(position, np.ones(1), np.array([[0.7, 1.0]]), radius, image_size, 10)
    rows, columns = np.indices(image_size)
    expected = np.maximum(1.0 - ((rows - 3) ** 2 + (columns - 2) ** 2) / 2.5**2, 0.0)
    assert picture[3, 2, 1] == 1.0
    np.testing.assert_allclose(picture[..., 1], expected, atol=1e-12)
    np.testing.assert_allclose(picture[..., 0], 0.7 * expected, atol=1e-12)


def test_blending_order_limit_ties_and_points_behind():
    size, radius = (4, 4), 1.25
    positions = np.stack([pixel_to_ndc(1, 1 + 0.5 * k, size) for k in range(5)])
    alphas = 1.0 - (0.25 * np.arange(5) / radius) ** 2  # half a pixel is 0.25 of NDC
    features = np.eye(5)
    depth = np.array([3.0, 2.0, -1.0, 1.0, 2.0])  # order 3, then 1 before 4 (tie), then 0; 2 is behind
    weights = {}
    transmittance = 1.0
    for k in (3, 1, 4, 0):
        weights[k] = transmittance * alphas[k]
        transmittance *= 1.0 - alphas[k]
    for limit in (1, 2, 3, 10):
        pixel = camera.splat(positions, depth, features, radius, size, limit)[1, 1]
        expected = [weights[k] if k in list(weights)[:limit] else 0.0 for k in range(5)]
        np.testing.assert_allclose(pixel, expected, atol=1e-12)


def test_projection_leaves_out_points_behind_the_camera():
    positions, depth = camera.project(
        np.array([[0.0, 0.0, 4.0], [0.1, 0.1, 5.0], [0.0, 0.0, 0.0]]),
        WORLD_MAT,
        stored(50, 50, 8, 8, (16, 16)),
        (16, 16),
    )
    np.testing.assert_array_equal(np.isnan(positions[:, 0]), [True, True, False])
    picture = camera.splat(positions, depth, np.ones((3, 1)), 5.0, (16, 16), 10)
    assert picture.max() <= 1.0 and picture[8, 8, 0] > 0.0


# --- Pictures ---------------------------------------------------------------------------------------------------------


def test_render_is_over_white_and_consistent(model):
    size = (24, 20)
    motion = random_motion(7)
    pictures = model.render(*motion, WORLD_MAT, stored(60.0, 60.0, 10.0, 12.0, size), 0.15, size)
    alpha = pictures["alpha"]
    assert alpha.shape == size and alpha.min() >= 0.0 and 0.5 < alpha.max() <= 1.0 + 1e-12
    empty = alpha == 0.0
    assert empty.any()
    for name in ("image", "normals", "albedo", "shading"):
        assert pictures[name].shape == (*size, 3)
        np.testing.assert_array_equal(pictures[name][empty], 1.0)
        assert pictures[name].min() >= 0.0 and pictures[name].max() <= 1.0 + 1e-12
    if "geometry_network.lin_seg0.bias" in model.state:
        np.testing.assert_array_equal(pictures["seg"][empty], 0.0)
        assert pictures["seg"].min() < 0.0 < pictures["seg"].max()  # logits, not probabilities
    else:
        assert pictures["seg"] is None


def test_render_of_one_point_at_a_pixel_centre(pegasus):
    """There the picture is the point's own colour: clamp(2 s a)."""
    model = make_model("pegasus")
    model.state["pc.points"] = model.state["pc.points"][:1]
    motion = random_motion(8)
    fields: Fields = model.fields(*motion)
    x, y, z = fields.points_d[0]
    world_mat = np.array([[1.0, 0.0, 0.0, -x], [0.0, 1.0, 0.0, -y], [0.0, 0.0, 1.0, -4.0 - z]])
    pictures = model.render(*motion, world_mat, stored(40.0, 40.0, 4.5, 2.5, (8, 8)), 0.2, (8, 8))
    shade = networks.shading(model.state, fields.normals_d, model.z)[0]
    expected = np.clip(2.0 * shade * fields.albedo[0], 0.0, 1.0)
    np.testing.assert_allclose(pictures["image"][2, 4], expected, atol=1e-12)
    np.testing.assert_allclose(pictures["normals"][2, 4], 0.5 + 0.5 * fields.normals_d[0], atol=1e-12)
    np.testing.assert_allclose(pictures["albedo"][2, 4], fields.albedo[0], atol=1e-12)
    np.testing.assert_allclose(pictures["shading"][2, 4], shade, atol=1e-12)
    np.testing.assert_allclose(pictures["seg"][2, 4], fields.seg_logit[0], atol=1e-12)
    assert pictures["alpha"][2, 4] == pytest.approx(1.0, abs=1e-12)


# --- Latents ----------------------------------------------------------------------------------------------------------


def slots(z: np.ndarray) -> np.ndarray:
    return z.reshape(9, -1)[:, 9:]


def test_latent_layout():
    zero, base, video = np.full((1, 32), -1.0), np.arange(7.0)[:, None] * np.ones(32), np.full(32, 50.0)
    z = assemble_z(zero, base, video, "hat")
    assert z.shape == (369,)
    assert all(z[41 * v + v] == 1.0 for v in range(9))
    np.testing.assert_array_equal(z.reshape(9, 41)[:, :9], np.eye(9))
    np.testing.assert_array_equal(slots(z)[:, 0], [0, 1, 2, 3, 4, 50, 5, 6, -1])
    np.testing.assert_array_equal(slots(assemble_z(zero, base, video, "hair"))[:, 0], [0, 1, 2, 3, 50, -1, 5, 6, -1])
    own = np.arange(8.0)[:, None] * np.ones(32)
    np.testing.assert_array_equal(slots(assemble_z(zero, own))[:, 0], [0, 1, 2, 3, 4, -1, 5, 6, 7])


def test_latent_refuses_what_it_cannot_place():
    with pytest.raises(ValueError, match="7 rows"):
        assemble_z(np.zeros((1, 2)), np.zeros((9, 2)))
    with pytest.raises(ValueError, match="come together"):
        assemble_z(np.zeros((1, 2)), np.zeros((7, 2)), np.zeros(2))
    with pytest.raises(ValueError, match="one of"):
        assemble_z(np.zeros((1, 2)), np.zeros((7, 2)), np.zeros(2), "beard")


# --- Random models ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_random_models_are_sane_and_leave_no_branch_idle(kind, seed):
    model = make_model(kind, seed)
    for name, value in model.state.items():
        assert np.all(value.astype(np.float32) == value) and np.abs(value).max() > 0.0, name
    np.testing.assert_allclose(model.head.lbs_weights.sum(axis=1), 1.0, atol=1e-6)
    fields = model.fields(*random_motion(seed))
    if KINDS[kind].get("gc"):
        assert 0.005 < np.abs(fields.points_sc - model.state["pc.points"]).mean() < 0.05
        assert (fields.points_sc - model.state["pc.points"]).std(axis=0).min() > 0.003
    assert 0.005 < np.abs(fields.points_fc - fields.points_sc).mean() < 0.05
    assert np.linalg.norm(fields.sdf_gradient, axis=1).min() > 0.2
    assert np.linalg.det(fields.jacobian).min() > 0.05
    assert fields.weights.max() < 0.95 and fields.weights.std(axis=0).min() > 0.01
    assert fields.albedo.min() > 0.002 and fields.albedo.max() < 0.998
    assert 0.2 < np.linalg.norm(fields.points_d, axis=1).mean() < 0.8
