"""Draws an exported program where this package cannot be imported."""

import subprocess
import sys
import textwrap

import numpy as np

_CODE = """
    import sys

    class Nowhere:
        def find_spec(name, path=None, target=None):
            if name.partition(".")[0] in ("pegasus_jax", "rasterizer"):
                raise ModuleNotFoundError(name)

    sys.meta_path.insert(0, Nowhere)
    import jax, numpy as np
    import jax.export
    arrays = dict(np.load(sys.argv[1]))
    program = jax.export.deserialize(bytearray(arrays.pop("program")))
    frame = np.load(sys.argv[2])
    out = program.call(arrays, frame["pose"], frame["expression"], frame["T"], frame["k"])
    np.savez(sys.argv[3], **out)
"""


def draw_elsewhere(path, params, camera, folder):
    """What the program in the `.npz` at `path` returns for one frame, by name; files go to `folder`."""
    frame, out = folder / "frame.npz", folder / "out.npz"
    motion = {"pose": params.pose, "expression": params.expression}
    np.savez(frame, **motion, T=camera.T_camera_world, k=camera.intrinsics)
    command = [sys.executable, "-I", "-c", textwrap.dedent(_CODE), str(path), str(frame), str(out)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return np.load(out)
