"""What pickles of arrays and tensors may not do: follow pointers, read our memory, fill it, leave traces, hang."""

import collections
import datetime
import decimal
import enum
import fractions
import io
import pathlib
import pickle
import struct
import types

import numpy as np
import pytest

from pegasus_jax.errors import UserError
from pegasus_jax.flame.load import load_head
from pegasus_jax.flame.pickle_reader import load_arrays, read_arrays
from pegasus_jax.torch_files import read_tensors
from pegasus_jax.untrusted.numpy_pickles import Opaque
from tests.torch_saving import (
    Storage,
    Tensor,
    TorchPickler,
    pickled,
    tensor,
    write_stream,
    write_zip,
    write_zip_members,
)
from tests.untrusted.limited import run_limited

_DTYPE = b"cnumpy\ndtype\n(S'%s'\nI00\nI01\ntR(I3\nS'%s'\nNNNI-1\nI-1\nI0\ntb"


def load(program: bytes):
    return load_arrays(program, source="x.pkl")


def array_of(dtype: bytes, shape: str, data: bytes, order: bytes = b"<") -> bytes:
    """A dict with one array as protocol 0 writes it."""
    text = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR(I1\n" + shape.encode()
    text += _DTYPE % (dtype, order) + b"I00\nS" + repr(data)[1:].encode() + b"\ntb"
    return b"(dVa\n" + text + b"s."


def test_a_state_of_a_dtype_is_not_applied():
    fields = b"(dVp\n(cnumpy\ndtype\n(S'O8'\nI00\nI01\ntRI0\nts"  # an object over raw bytes: a pointer of the file's
    program = array_of(b"V8", "(I1\nt", struct.pack("<q", 0x4141414141))
    with pytest.raises(UserError, match="numbers of the type 'V8'"):
        load(program)
    program = program.replace(b"'V8'", b"'f8'").replace(b"NNNI-1", b"N(Vp\nt" + fields + b"I8")
    with pytest.raises(UserError, match="a composed type"):
        load(program)


@pytest.mark.parametrize("dtype", [b"O8", b"V8", b"f4,O", b"(2,)f4", b"M8[s]", b"S99999", b"f16", b"f8" * 50])
def test_only_plain_types_of_numbers_are_made(dtype):
    with pytest.raises(UserError, match="damaged array"):
        load(array_of(dtype, "(I1\nt", bytes(8)))


@pytest.mark.parametrize(
    "shape", ["(I2\nt", "(I-1\nt", "(I0\nt", "(I1\n" * 40 + "t" * 40, f"(I{2**62}\nI4\nt", "N", "(F1.0\nt"]
)
def test_an_array_has_as_many_bytes_as_its_shape_says(shape):
    with pytest.raises(UserError, match="damaged array"):
        load(array_of(b"f8", shape, bytes(8)))


def test_arrays_keep_byte_order_and_fortran_order(tmp_path):
    content = {"big": np.arange(3, dtype=">i4"), "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3))}
    content |= {"text": np.array(["ab", "c"]), "boxed": np.array([1, [2, 3]], object), "half": np.float16(1.5)}
    for protocol in range(6):
        found = load(pickle.dumps(content, protocol=protocol))
        for name, value in content.items():
            np.testing.assert_array_equal(found[name], value, err_msg=f"{name}, protocol {protocol}")


def test_a_pickle_leaves_no_trace_in_this_process():
    for victim in (b"numpy\nclip", b"numpy.core.numeric\n_frombuffer", b"pegasus_jax.flame.load\nload_head"):
        with pytest.raises(UserError, match="not a readable pickle"):
            load(b"c" + victim + b"\n(N(dV__defaults__\n(I1\ntstb.")
    assert load_head.__defaults__ == (None,)


_BOMBS = {
    "memo": b"\x80\x02}r\x00\x00\x00\x10.",  # nine bytes: the interpreter's memo grows to 2^28 places
    "longest memo": b"\x80\x02}r\xff\xff\xff\x7f.",
    "bytes": b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x0f.",
    "marks": b"(" * 5_000_000,
    "sets": b"\x80\x04" + b"\x8f" * 5_000_000,
    "lists": b"]\x94" * 2_500_000,
    "encodings": b"\x80\x02X\x00\x00\x10\x00" + b"a" * 2**20 + b"q\x000" + b"c_codecs\nencode\nq\x010]"
    b"(" + b"h\x01h\x00X\x06\x00\x00\x00latin1\x86R" * 2000 + b"e.",
}
_READ_ALL = """
import pathlib, resource, sys
from pegasus_jax.errors import UserError
from pegasus_jax.flame.pickle_reader import read_arrays
from pegasus_jax.flame.load import load_head
from pegasus_jax.torch_files import read_tensors
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    try: print("read", path, (read_arrays if path.suffix == ".pkl" else read_tensors)(path))
    except UserError as error: print("refused", error)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_a_bomb_is_no_bomb(tmp_path, monkeypatch):
    for name, program in _BOMBS.items():
        (tmp_path / f"{name}.pkl").write_bytes(program)
        write_zip_members(tmp_path / f"{name}.pth", {"data.pkl": program})
    monkeypatch.setenv("PEGASUS_FILE_LIMIT_MIB", "100")
    found = run_limited(_READ_ALL, tmp_path, gib=6)
    assert found.returncode == 0, found.stderr[-500:]
    *said, taken = found.stdout.splitlines()
    # the memo is a dict here: a far place in it costs no more than a near one
    assert [line.split()[0] for line in said].count("refused") == 2 * len(_BOMBS) - 4, said
    assert int(taken) < 150  # MiB; the first two took 4,100 and 7,600


@pytest.mark.parametrize(
    "program",
    [
        b"(l" + b"(l" * 100 + b"a" * 100 + b".",
        b"\x80\x02]" + b"\x85" * 100_000 + b".",
        b"\x80\x02]q\x00h\x00a.",
        b"\x80\x04}(]K\x01u.",
        b"L" + b"9" * 5000 + b"L\n.",
        b"\x80\x02\x8b\x00\x01\x00\x00" + b"\x7f" * 256 + b".",
        b"\x80\x02\x82\x01.",
        b"\x80\x05\x97.",
        b"1.",
        b".",
        b"",
        b"N" * 10,
        b"R.",
        b"\xff.",
        b"S'abc.\n.",
    ],
    ids=range(15),
)
def test_nonsense_is_a_sentence(program):
    with pytest.raises(UserError, match=r"x\.pkl (is not a readable pickle|holds)"):
        load(b"\x80\x02}X\x01\x00\x00\x00a" + program[:-1] + b"s." if program[:2] == b"(l" else program)


def test_values_beside_the_tensors_are_kept_and_foreign_objects_are_notes(tmp_path):
    class Namespace:
        def __init__(self):
            self.lr = 0.1

    Namespace.__module__, Namespace.__qualname__ = "argparse", "Namespace"
    content = {"epoch": np.int64(3), "radius": np.float32(0.25), "bounds": np.arange(3.0), "half": np.float16([1, 2])}
    stream = io.BytesIO()
    with pytest.MonkeyPatch.context() as patch:
        import argparse

        patch.setattr(argparse, "Namespace", Namespace)
        TorchPickler(stream).dump(content | {"options": Namespace()})
    write_zip_members(tmp_path / "x.pth", {"data.pkl": stream.getvalue()})
    found = read_tensors(tmp_path / "x.pth")
    for name, value in content.items():
        np.testing.assert_array_equal(found[name], value)
        assert found[name].dtype == value.dtype
    assert found["options"] == Opaque("argparse.Namespace")


class Kind(enum.Enum):
    FACE = 1


class Settings(dict):
    pass


Range = collections.namedtuple("Range", "low high")


@pytest.mark.parametrize("write", [write_zip, write_stream])
def test_no_harmless_object_costs_the_tensors(write, tmp_path):
    """What training scripts save beside them; values where there is one to take, else a note of the class."""
    rng = np.random.default_rng(0)
    values = {
        "epoch": np.int64(3),
        "best": np.float64(0.5),
        "done": np.bool_(True),
        "losses": collections.defaultdict(list, {"rgb": [1.0, 2.0]}),
        "milestones": collections.Counter({1000: 1}),
        "frozen": frozenset({"head"}),
        "by_scale": {0.5: "half", None: 1, "x": 2},
    }
    notes = {
        "date": (datetime.datetime(2024, 1, 1), "datetime.datetime"),
        "span": (datetime.timedelta(1), "datetime.timedelta"),
        "folder": (pathlib.PurePosixPath("/data/me"), None),
        "options": (types.SimpleNamespace(lr=0.1), "types.SimpleNamespace"),
        "kind": (Kind.FACE, f"{__name__}.Kind"),
        "settings": (Settings(lr=0.1), f"{__name__}.Settings"),
        "range": (Range(1, 2), f"{__name__}.Range"),
        "queue": (collections.deque([1]), "collections.deque"),
        "decay": (decimal.Decimal("0.1"), "decimal.Decimal"),
        "share": (fractions.Fraction(1, 2), "fractions.Fraction"),
        "slice": (slice(1, 2), None),
        "phase": (1 + 2j, None),
        "generator": (rng, "numpy.random._pickle.__generator_ctor"),
        "masked": (np.ma.array([1.0]), "numpy.ma.core._mareconstruct"),
        "bytes": (bytearray(b"x"), None),
        "points": ({(1, 2)}, None),
    }
    content = values | {name: value for name, (value, _) in notes.items()}
    content |= {"by_pair": {(0, 1): "x"}, "by_number": {np.int64(3): "x"}, "by_kind": {Kind.FACE: "x"}}
    write(tmp_path / "x.pth", content | {"a": tensor(np.arange(3.0))})
    found = read_tensors(tmp_path / "x.pth")
    np.testing.assert_array_equal(found["a"], np.arange(3.0))
    assert {name: found[name] for name in values} == values
    assert found["by_number"] == {3: "x"} and list(found["by_pair"].values()) == ["x"]
    assert found["by_kind"] == {Opaque(f"{__name__}.Kind"): "x"}
    for name, (_, maker) in notes.items():
        assert isinstance(found[name], Opaque) and (maker is None or found[name].name == maker), name


def test_sizes_devices_and_tensors_with_attributes(tmp_path):
    """As torch writes them: calls of its own names."""
    program = b"\x80\x02}(U\x04sizectorch\nSize\nK\x03K\x04\x86\x85RU\x06devicectorch\ndevice\nU\x04cuda\x85R"
    window = b"((U\x07storagectorch\nFloatStorage\nU\x010U\x03cpuK\x02tQK\x00K\x02\x85K\x01\x85\x89}t"
    plain = b"ctorch._utils\n_rebuild_tensor_v2\n"
    program += b"U\x06markedctorch._tensor\n_rebuild_from_type_v2\n(" + plain + b"ctorch.nn.parameter\nBuffer\n"
    program += window + b"}tR"
    program += b"U\x05statectorch._utils\n_rebuild_parameter_with_state\n(" + plain + window + b"R\x88}}tRu."
    numbers = np.float32([1.5, 2.5])
    write_zip_members(tmp_path / "x.pth", {"data.pkl": program, "data/0": numbers.tobytes()})
    found = read_tensors(tmp_path / "x.pth")
    assert found["size"] == (3, 4) and found["device"] == Opaque("torch.device")
    np.testing.assert_array_equal(found["marked"], numbers)
    np.testing.assert_array_equal(found["state"], numbers)


@pytest.mark.parametrize(
    "name",
    [
        "os.system",
        "subprocess.Popen",
        "builtins.exec",
        "builtins.getattr",
        "__builtin__.open",
        "types.FunctionType",
        "types.CodeType",
        "commands.getoutput",
        "importlib.import_module",
        "numpy.load",
        "numpy.testing.runstring",
        "torch.load",
        "torch.hub.load",
        "pegasus_jax.torch_files.read_tensors",
        "collections.namedtuple",
        "pickle.loads",
    ],
)
def test_functions_that_could_do_anything_are_refused(tmp_path, name):
    module, _, member = name.rpartition(".")
    write_zip_members(tmp_path / "x.pth", {"data.pkl": f"c{module}\n{member}\n(tR.".encode()})
    with pytest.raises(UserError, match=rf"asks to run {name}, .*nothing was run or read"):
        read_tensors(tmp_path / "x.pth")


def test_what_stands_beside_tensors_is_never_called(tmp_path, monkeypatch):
    """Neither when it is admitted, nor as a key, nor nested in arguments."""
    called = []
    monkeypatch.setattr(Settings, "__init__", lambda self, *_: called.append("a class"))
    monkeypatch.setitem(globals(), "run_me", lambda *_: called.append("a function"))
    module = __name__.encode()
    call = b"c" + module + b"\nrun_me\n(tR"
    made = b"c" + module + b"\nSettings\n(" + call + b"tR"
    program = b"(d" + call + b"Vx\ns" + b"Vy\n" + made + b"s" + b"Vz\ncfunctools\npartial\n(cos\nsystem\nVtrue\ntRs."
    write_zip_members(tmp_path / "x.pth", {"data.pkl": program})
    found = read_tensors(tmp_path / "x.pth")
    assert found == {
        Opaque(f"{__name__}.run_me"): "x",
        "y": Opaque(f"{__name__}.Settings"),
        "z": Opaque("functools.partial"),
    }
    assert not called


def test_a_deep_tuple_as_a_key_is_a_note():
    found = load(b"\x80\x04}(" + b")" + b"\x85" * 100_000 + b"K\x01u.")
    assert list(found.values()) == [1]


@pytest.mark.parametrize("write", [write_zip, write_stream])
def test_no_tensor_is_a_storage(write, tmp_path):
    """A tensor of stride 0 claims more numbers than it has: over it, another one would read our memory."""
    inner = Tensor(Storage("0", np.zeros(4, np.float32)), (1000,), (0,))
    with pytest.raises(UserError, match="larger than its storage"):
        write(tmp_path / "x.pth", {"a": inner})
        read_tensors(tmp_path / "x.pth")
    inner = Tensor(Storage("0", np.zeros(4, np.float32)), (4,), (0,))
    write(tmp_path / "x.pth", {"a": Tensor(inner, (4,), (1,))})
    with pytest.raises(UserError, match="of something else than it takes"):
        read_tensors(tmp_path / "x.pth")


def test_a_view_beyond_its_storage_is_refused(tmp_path):
    class ViewPickler(TorchPickler):
        view = (("1", 2, 9),)

    program, _ = pickled({"a": Tensor(Storage("0", np.zeros(4)), (3,), (1,))}, ViewPickler)
    write_zip_members(tmp_path / "x.pth", {"data.pkl": program, "data/0": bytes(32)})
    with pytest.raises(UserError, match="a view of storage 0 outside it"):
        read_tensors(tmp_path / "x.pth")


def test_many_tensors_of_one_storage_are_bounded(tmp_path):
    storage = Storage("0", np.zeros(2**16, np.float32))
    write_zip(tmp_path / "x.pth", {str(i): Tensor(storage, (2**16,), (1,)) for i in range(2000)})
    with pytest.raises(UserError, match=r"would unpack to more than .* raise \$PEGASUS_FILE_LIMIT_MIB"):
        read_tensors(tmp_path / "x.pth")


def test_sparse_and_chumpy_bombs(tmp_path):
    import scipy.sparse

    matrix = scipy.sparse.csc_matrix((50_000, 50_000))
    (tmp_path / "x.pkl").write_bytes(pickle.dumps({"J_regressor": matrix}, protocol=2))
    with pytest.raises(UserError, match="would unpack to more"):
        read_arrays(tmp_path / "x.pkl")
