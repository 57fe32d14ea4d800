import os
import pickle

import numpy as np
import pytest
import scipy.sparse

from pegasus_jax.errors import UserError
from pegasus_jax.flame.pickle_reader import read_arrays
from pegasus_jax.untrusted.numpy_pickles import Opaque

from . import fake_flame


class _Malicious:
    def __init__(self, victim):
        self.victim = victim

    def __reduce__(self):
        return os.system, (f"touch {self.victim}",)


@pytest.mark.parametrize("protocol", range(5))
def test_a_pickle_that_runs_code_is_refused_by_name_and_not_run(tmp_path, protocol):
    victim = tmp_path / "victim"
    file = tmp_path / "flame.pkl"
    file.write_bytes(pickle.dumps({"v_template": _Malicious(victim)}, protocol=protocol))
    with pytest.raises(UserError, match=r"wants to run (posix|nt)\.system"):
        read_arrays(file)
    assert not victim.exists()


@pytest.mark.parametrize(
    "payload",
    [
        b"cbuiltins\neval\n(V1\ntR.",
        b"c__builtin__\neval\n(V1\ntR.",
        b"cnumpy\nload\n(Vx\ntR.",
        b"\x80\x04\x8c\x05numpy\x8c\x0ef2py.os.system\x93(Vx\ntR.",
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nmatrix\n(I0\ntS'b'\ntR.",
    ],
)
def test_other_names_are_refused(tmp_path, payload):
    (tmp_path / "x.pkl").write_bytes(payload)
    with pytest.raises(UserError, match="which a file of arrays never needs"):
        read_arrays(tmp_path / "x.pkl")


@pytest.mark.parametrize("instance", [b"ccopy_reg\n_reconstructor\n(cos\nPathLike\nNNtR", b"cos\nPathLike\n)\x81"])
def test_instances_of_foreign_classes_are_notes_of_their_names(tmp_path, instance):
    (tmp_path / "x.pkl").write_bytes(b"(dVa\n" + instance + b"}b" + b"s.")
    assert read_arrays(tmp_path / "x.pkl") == {"a": Opaque("os.PathLike")}


def test_python2_file_with_chumpy_and_sparse_arrays(tmp_path):
    truth = fake_flame.arrays()
    found = read_arrays(fake_flame.write_flame(tmp_path / "flame.pkl", truth))
    for name, array in truth.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)
    assert found["bs_style"] == "lbs"


@pytest.mark.parametrize("protocol", [0, 2, 3, 4, 5])
def test_every_pickle_protocol_of_arrays(tmp_path, protocol):
    content = {"a": np.arange(6.0).reshape(2, 3), "n": np.float64(3.5), "i": np.arange(3, dtype=np.uint32)}
    (tmp_path / "x.pkl").write_bytes(pickle.dumps(content, protocol=protocol))
    found = read_arrays(tmp_path / "x.pkl")
    for name, value in content.items():
        np.testing.assert_array_equal(found[name], value)


def test_damaged_files_say_so(tmp_path):
    file = fake_flame.write_flame(tmp_path / "flame.pkl")
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(UserError, match="not a readable pickle"):
        read_arrays(file)
    file.write_bytes(pickle.dumps([1, 2]))
    with pytest.raises(UserError, match="holds no named arrays"):
        read_arrays(file)
    file.write_bytes(fake_flame.python2_pickle({"a": fake_flame.Select(None, None, None)}))
    with pytest.raises(UserError, match="holds a damaged array"):
        read_arrays(file)


def test_sparse_indices_out_of_range_are_refused(tmp_path):
    matrix = scipy.sparse.csc_matrix(np.eye(3))
    matrix.indices[1] = 10**6
    (tmp_path / "x.pkl").write_bytes(pickle.dumps({"J_regressor": matrix}, protocol=2))
    with pytest.raises(UserError, match="holds a damaged array"):
        read_arrays(tmp_path / "x.pkl")


@pytest.mark.parametrize("layout", ["csc", "csr", "coo"])
def test_every_sparse_layout(tmp_path, layout):
    dense = np.arange(12.0).reshape(3, 4) * (np.arange(12).reshape(3, 4) % 2)
    matrix = getattr(scipy.sparse, f"{layout}_matrix")(dense)
    (tmp_path / "x.pkl").write_bytes(pickle.dumps({"m": matrix}))
    np.testing.assert_array_equal(read_arrays(tmp_path / "x.pkl")["m"], dense)
