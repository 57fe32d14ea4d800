"""ICT-FaceKit's meshes from `ict_facekit.npz`, which holds their numbers: as arrays, and as the published files."""

import hashlib

import numpy as np

_NOTICE = "# ICT-FaceKit's light model, written again from its numbers.\nmtllib ICTFaceModelMaterial.mtl\n"


def positions(facekit):
    """{"neutral" or a mesh's name: (26719, 3) metres in the head's frame}."""
    found = {"neutral": facekit["neutral"]}
    for kind in ("identity", "expression"):
        found |= {str(name): facekit["neutral"] + shift for name, shift in zip(facekit[f"{kind}_names"], facekit[kind])}
    return {name: _centimetres(facekit, whole) * 0.01 - np.array([0.0, 0.006, 0.03]) for name, whole in found.items()}


def write_folder(facekit, folder, names):
    """Writes files of the published layout; returns {file name: SHA-256}: the last digits of small numbers are lost.

    All published meshes repeat the neutral one's surface, which would fill the disk: here it alone has it.
    """
    shift = {"generic_neutral_mesh": 0 * facekit["neutral"]}
    for kind in ("identity", "expression"):
        shift |= dict(zip(facekit[f"{kind}_names"].tolist(), facekit[kind]))
    surface, hashes = _surface(facekit), {}
    for name in names:
        content = facekit["vertex_indices_json"].tobytes()
        if name.endswith(".obj"):
            content = _obj(_centimetres(facekit, facekit["neutral"] + shift[name.removesuffix(".obj")]))
            content += surface if name == "generic_neutral_mesh.obj" else b""
        (folder / name).write_bytes(content)
        hashes[name] = hashlib.sha256(content).hexdigest()
    return hashes


def _centimetres(facekit, whole):
    return whole / 10.0 ** int(facekit["decimals"])


def _obj(vertices):
    return (_NOTICE + ("v %.6g %.6g %.6g\n" * len(vertices)) % tuple(vertices.ravel().tolist())).encode()


def _surface(facekit):
    lines = [f"vt {u:g} {v:g}" for u, v in facekit["uvs"] / 1e6]
    material = None
    for corners, uvs, kind in zip(facekit["faces"] + 1, facekit["face_uvs"] + 1, facekit["face_material"]):
        if kind != material:
            lines.append(f"usemtl {facekit['materials'][kind]}")
            material = kind
        lines.append("f " + " ".join(f"{v}/{vt}" for v, vt in zip(corners, uvs) if v > 0))
    return ("\n".join(lines) + "\n").encode()
