"""Files of tensors: torch.save's two formats and safetensors, good and bad."""

import collections
import json
import os
import pathlib
import pickle
import re
import zipfile
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from pegasus_jax.errors import UserError
from pegasus_jax.torch_files import read_tensors
from pegasus_jax.untrusted.torch_pickles import TensorBuilder
from tests.torch_saving import (
    STORAGE_NAMES,
    Storage,
    StreamPickler,
    Tensor,
    TorchPickler,
    pickled,
    stream_bytes,
    tensor,
    write_stream,
    write_zip,
    write_zip_members,
)

SAFETENSORS_NAMES = {"float64": "F64", "float32": "F32", "float16": "F16", "bfloat16": "BF16", "int64": "I64"} | {
    "int32": "I32",
    "int16": "I16",
    "int8": "I8",
    "uint8": "U8",
    "bool": "BOOL",
}


def safetensors_bytes(header: Any, data: bytes) -> bytes:
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


WRITERS = pytest.mark.parametrize("write", [write_zip, write_stream], ids=["zip", "stream"])


@pytest.fixture
def file(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "weights.pth"


@WRITERS
@pytest.mark.parametrize("dtype", STORAGE_NAMES)
def test_a_saved_tensor_keeps_its_numbers_shape_and_dtype(write, dtype, file):
    values = np.array([[0, 1, 3], [5, 100, 7]]).astype(jnp.dtype(dtype))
    write(file, {"a": tensor(values)})
    read = read_tensors(file)["a"]
    assert read.dtype == values.dtype
    np.testing.assert_array_equal(read, values)


@WRITERS
def test_a_checkpoint_comes_back_nested(write, file):
    state = collections.OrderedDict(w=tensor(np.eye(3, dtype=np.float32), "0"))
    state.metadata = {"version": 1}  # torch hangs such an attribute on every state_dict
    content = {"epoch": 7, "radius": 0.25, "model_state_dict": state, "list": [1, (None, "x", True)]}
    write(file, content | {"points": [tensor(np.arange(4), "1", kind="parameter")]})
    read = read_tensors(file)
    assert read["epoch"] == 7 and read["radius"] == 0.25 and read["list"] == [1, (None, "x", True)]
    np.testing.assert_array_equal(read["model_state_dict"]["w"], np.eye(3))
    np.testing.assert_array_equal(read["points"][0], np.arange(4))


@WRITERS
def test_strides_and_offsets_select_from_a_shared_storage(write, file):
    values = np.arange(24.0, dtype=np.float32)
    storage = Storage("0", values)
    content = {
        "transposed": Tensor(storage, (4, 6), (1, 4)),
        "column": Tensor(storage, (6,), (4,), offset=2),
        "repeated": Tensor(storage, (3, 2), (0, 1), offset=5),
        "scalar": Tensor(storage, (), (), offset=23),
        "empty": Tensor(storage, (0, 5), (5, 1), offset=24),
    }
    write(file, content)
    read = read_tensors(file)
    table = values.reshape(6, 4)
    np.testing.assert_array_equal(read["transposed"], table.T)
    np.testing.assert_array_equal(read["column"], table[:, 2])
    np.testing.assert_array_equal(read["repeated"], [[5.0, 6.0]] * 3)
    assert read["scalar"].shape == () and read["scalar"] == 23.0
    assert read["empty"].shape == (0, 5)
    assert not any(array.flags.writeable for array in read.values())


def test_a_stream_of_the_first_torch_is_read(file):
    values = np.arange(6.0, dtype=np.float32).reshape(2, 3)
    write_stream(file, collections.OrderedDict(a=tensor(values, kind="tensor")))
    np.testing.assert_array_equal(read_tensors(file)["a"], values)


def test_a_view_in_an_old_stream_starts_at_its_offset(file):
    class ViewPickler(TorchPickler):
        view = (("1", 2, 3),)

    values = np.arange(8.0, dtype=np.float32)
    content = {"a": Tensor(Storage("0", values), (3,), (1,))}
    file.write_bytes(stream_bytes(*pickled(content, ViewPickler)))
    np.testing.assert_array_equal(read_tensors(file)["a"], [2.0, 3.0, 4.0])


class Command:
    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


@WRITERS
@pytest.mark.parametrize(
    ("function", "name"),
    [(os.mkdir, f"{os.mkdir.__module__}.mkdir"), (eval, "__builtin__.eval"), (getattr, "__builtin__.getattr")],
)
def test_a_pickle_that_runs_something_is_refused_by_name(write, function, name, file):
    trap = file.parent / "ran"
    argument = f"__import__('os').mkdir({str(trap)!r})" if function is eval else str(trap)
    write(file, {"a": tensor(np.zeros(2)), "b": Command(function, argument)})
    with pytest.raises(UserError, match=rf"asks to run {re.escape(name)}, .* nothing was run"):
        read_tensors(file)
    assert not trap.exists()


def test_a_pickle_cannot_leave_attributes_on_our_functions(file):
    program = b"\x80\x02}U\x01actorch._utils\n_rebuild_tensor_v2\nN}U\x0c__defaults__K\x01\x85s\x86bs."
    write_zip_members(file, {"data.pkl": program})
    with pytest.raises(UserError, match="damaged"):
        read_tensors(file)
    assert TensorBuilder._tensor.__defaults__ is None


@WRITERS
@pytest.mark.parametrize(
    ("window", "fault"),
    [
        (Tensor(Storage("0", np.zeros(6)), (2, 3), (3, 2)), "larger than its storage"),
        (Tensor(Storage("0", np.zeros(6)), (6,), (1,), offset=1), "larger than its storage"),
        (Tensor(Storage("0", np.zeros(6)), (2,), (-1,), offset=1), "has the strides"),
        (Tensor(Storage("0", np.zeros(6)), (2,), (1,), offset=-1), "has the strides"),
        (Tensor(Storage("0", np.zeros(6)), (2, 2), (1,)), "has the strides"),
    ],
)
def test_a_tensor_outside_its_storage_is_refused(write, window, fault, file):
    write(file, {"a": window})
    with pytest.raises(UserError, match=f"damaged or cut short .*{fault}"):
        read_tensors(file)


@WRITERS
def test_a_file_cut_anywhere_says_so(write, file):
    write(file, {"a": tensor(np.arange(3.0), "0"), "b": tensor(np.arange(4), "1")})
    whole = file.read_bytes()
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        with pytest.raises(UserError, match=r"damaged or cut short|is neither a \.safetensors"):
            read_tensors(file)


@pytest.mark.parametrize(
    ("members", "fault"),
    [
        ({"other": b""}, r"no data\.pkl"),
        ({"data.pkl": b"}.", "more/data.pkl": b"}."}, r"no data\.pkl"),
        ({"data.pkl": b"}.", "byteorder": b"big"}, "big-endian"),
    ],
)
def test_a_zip_of_something_else_is_refused(members, fault, file):
    write_zip_members(file, members)
    with pytest.raises(UserError, match=fault):
        read_tensors(file)


def test_a_compressed_zip_is_refused(file):
    write_zip_members(file, {"data.pkl": b"}."}, zipfile.ZIP_DEFLATED)
    with pytest.raises(UserError, match="compressed"):
        read_tensors(file)


def test_a_storage_shorter_than_it_claims_is_refused(file):
    program, storages = pickled({"a": tensor(np.arange(4.0))}, TorchPickler)
    write_zip_members(file, {"data.pkl": program, "data/0": storages["0"].tobytes()[:-8]})
    with pytest.raises(UserError, match="storage 0 has 24 bytes for 4 numbers"):
        read_tensors(file)


def test_a_stream_that_claims_more_than_its_size_is_refused_before_it_is_allocated(file):
    program, _ = pickled({"a": tensor(np.zeros(100))}, StreamPickler)
    file.write_bytes(stream_bytes(program, {"0": np.zeros(1)}))
    with pytest.raises(UserError, match="longer than the file"):
        read_tensors(file)


@WRITERS
def test_a_file_without_names_is_refused(write, file):
    write(file, tensor(np.zeros(2)))
    with pytest.raises(UserError, match=r"holds a ndarray instead of named tensors; save a state_dict\(\)"):
        read_tensors(file)


def test_another_kind_of_file_is_refused(file):
    file.write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(UserError, match=r"weights\.pth is neither .* torch\.save\(model\.state_dict\(\), path\)"):
        read_tensors(file)


def test_a_missing_file_is_named(file):
    with pytest.raises(UserError, match=r"There is no file .*weights\.pth"):
        read_tensors(file)


@pytest.mark.parametrize("dtype", SAFETENSORS_NAMES)
def test_safetensors_keep_their_numbers_shape_and_dtype(dtype, file):
    values = np.array([[0, 1, 3], [5, 100, 7]]).astype(jnp.dtype(dtype))
    half = values.nbytes // 2
    kind = SAFETENSORS_NAMES[dtype]
    header = {
        "__metadata__": {"format": "pt"},
        "second": {"dtype": kind, "shape": [3], "data_offsets": [half, 2 * half]},
        "first": {"dtype": kind, "shape": [3, 1], "data_offsets": [0, half]},
        "empty": {"dtype": kind, "shape": [0, 2], "data_offsets": [half, half]},
    }
    path = file.with_suffix(".safetensors")
    path.write_bytes(safetensors_bytes(header, values.tobytes()))
    read = read_tensors(path)
    assert set(read) == {"first", "second", "empty"}
    assert {array.dtype for array in read.values()} == {values.dtype}
    np.testing.assert_array_equal(read["first"], values[0][:, None])
    np.testing.assert_array_equal(read["second"], values[1])
    assert read["empty"].shape == (0, 2)


def entry(**changes: Any) -> dict[str, Any]:
    return {"a": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]} | changes}


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "header does not fit"),
        (b"\x01\x02", "header does not fit"),
        ((1 << 62).to_bytes(8, "little") + b"{}", "header does not fit"),
        (safetensors_bytes([1], b""), "no table"),
        ((3).to_bytes(8, "little") + b"{a}", "damaged"),
        (safetensors_bytes(entry(), bytes(15)), "a lies outside the file"),
        (safetensors_bytes(entry(data_offsets=[-4, 12]), bytes(16)), "a lies outside the file"),
        (safetensors_bytes(entry(data_offsets=[16, 0]), bytes(16)), "a lies outside the file"),
        (safetensors_bytes(entry(shape=[2, 3]), bytes(16)), r"a has 16 bytes for the shape \[2, 3\]"),
        (safetensors_bytes(entry(shape=[-2, -2]), bytes(16)), r"a has 16 bytes for the shape \[-2, -2\]"),
        (safetensors_bytes(entry(dtype="F8_E4M3"), bytes(16)), "a is of the type F8_E4M3"),
        (safetensors_bytes({"a": 3}, bytes(16)), "damaged"),
    ],
)
def test_a_damaged_safetensors_file_says_where(content, fault, file):
    path = file.with_suffix(".safetensors")
    path.write_bytes(content)
    with pytest.raises(UserError, match=fault):
        read_tensors(path)
