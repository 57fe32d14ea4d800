"""Small files that look like FLAME's: Python 2 style pickles with chumpy's classes and companion files."""

import io
import pickle
import sys
import types

import numpy as np
import scipy.sparse

NUM_VERTICES = 120


class Ch:
    """Pickles under the name chumpy.ch.Ch, with chumpy's kind of state."""

    def __init__(self, x):
        self.__dict__.update(x=np.asarray(x), _dirty_vars={"x"}, _itr=None, _parents={}, _cache={"drs": {}})


class Select:
    """Pickles under the name chumpy.reordering.Select: `a` at flat positions `idxs`."""

    def __init__(self, a, idxs, preferred_shape):
        self.__dict__.update(a=a, idxs=idxs, preferred_shape=preferred_shape)


def arrays(seed=0, num_vertices=NUM_VERTICES):
    """FLAME's arrays, dense, float64, metres: random but valid."""
    rng = np.random.default_rng(seed)
    weights = rng.uniform(size=(num_vertices, 5))
    weights[:20] = [0, 0, 0, 1, 0]
    weights[20:40] = [0, 0, 0, 0, 1]
    regressor = rng.uniform(size=(5, num_vertices)) * (rng.uniform(size=(5, num_vertices)) < 0.2)
    regressor[:, 0] += 0.1
    return {
        "v_template": rng.normal(size=(num_vertices, 3)) * 0.1,
        "f": rng.integers(0, num_vertices, (200, 3)).astype(np.uint32),
        "shapedirs": rng.normal(size=(num_vertices, 3, 400)) * 0.01,
        "posedirs": rng.normal(size=(num_vertices, 3, 36)) * 0.01,
        "J_regressor": regressor / regressor.sum(1, keepdims=True),
        "weights": weights / weights.sum(1, keepdims=True),
        "kintree_table": np.array([[2**32 - 1, 0, 1, 1, 1], [0, 1, 2, 3, 4]], np.int64),
    }


def python2_pickle(content) -> bytes:
    """`content` as Python 2 with chumpy and an old NumPy would have written it."""
    modules = {"chumpy": {}, "chumpy.ch": {"Ch": Ch}, "chumpy.reordering": {"Select": Select}}
    homes = {Ch: "chumpy.ch", Select: "chumpy.reordering"}
    before = {name: sys.modules.get(name) for name in modules}
    originals = {cls: cls.__module__ for cls in homes}
    try:
        for name, members in modules.items():
            sys.modules[name] = types.ModuleType(name)
            vars(sys.modules[name]).update(members)
        for cls, home in homes.items():
            cls.__module__ = home
        data = pickle.dumps(content, protocol=2)
    finally:
        for cls, home in originals.items():
            cls.__module__ = home
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module
    return data.replace(b"numpy._core.multiarray", b"numpy.core.multiarray").replace(
        b"scipy.sparse._csc", b"scipy.sparse.csc"
    )


def write_flame(path, content=None):
    """A FLAME-2020-like pickle: chumpy bases, a sparse regressor."""
    content = dict(arrays() if content is None else content)
    content["shapedirs"] = Ch(content["shapedirs"])
    flat = np.arange(content["weights"].size)
    content["weights"] = Select(Ch(content["weights"]), flat, content["weights"].shape)
    content["J_regressor"] = scipy.sparse.csc_matrix(content["J_regressor"])
    content["bs_style"] = "lbs"
    path.write_bytes(python2_pickle(content))
    return path


def embedding(shape, seed=1):
    """(triangles, barycentrics) of a random embedding."""
    rng = np.random.default_rng(seed)
    bary = rng.uniform(size=(*shape, 3))
    return rng.integers(0, 200, shape), bary / bary.sum(-1, keepdims=True)


class _Storage:
    """Pickles as torch.storage._load_from_bytes(bytes): PyTorch's old file format for one storage."""

    def __init__(self, array):
        self.array = np.ascontiguousarray(array)

    def __reduce__(self):
        kind = {"float32": "FloatStorage", "int64": "LongStorage"}[str(self.array.dtype)]
        file = io.BytesIO()
        for header in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}):
            pickle.dump(header, file, protocol=2)
        file.write(b"\x80\x02(X\x07\x00\x00\x00storage" + b"ctorch\n" + kind.encode() + b"\n")
        size = self.array.size.to_bytes(4, "little")
        file.write(b"X\x01\x00\x00\x000X\x03\x00\x00\x00cpuJ" + size + b"NtQ.")
        pickle.dump(["0"], file, protocol=2)
        file.write(self.array.size.to_bytes(8, "little") + self.array.tobytes())
        return _load_from_bytes, (file.getvalue(),)


class Tensor:
    """Pickles as a torch tensor."""

    def __init__(self, array):
        self.array = np.ascontiguousarray(array)

    def __reduce__(self):
        strides = tuple(s // self.array.itemsize for s in self.array.strides)
        return _rebuild_tensor_v2, (_Storage(self.array), 0, self.array.shape, strides, False, {})


def _load_from_bytes(data):
    raise AssertionError("only pickled")


def _rebuild_tensor_v2(*args):
    raise AssertionError("only pickled")


def torch_pickle(content) -> bytes:
    """`content` pickled with its `Tensor`s under torch's names."""
    here = __name__.encode()
    data = pickle.dumps(content, protocol=2)
    data = data.replace(b"c" + here + b"\n_load_from_bytes", b"ctorch.storage\n_load_from_bytes")
    return data.replace(b"c" + here + b"\n_rebuild_tensor_v2", b"ctorch._utils\n_rebuild_tensor_v2")


def write_npy_dict(path, content):
    """`np.save` of a dict, with tensors allowed in it."""
    with open(path, "wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|O", "fortran_order": False, "shape": ()})
        boxed = np.empty((), object)
        boxed[()] = content
        file.write(torch_pickle(boxed))
