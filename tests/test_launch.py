import importlib.util
import json
import pathlib
import re
import subprocess
import sys
import textwrap

import pytest
from absl import flags

from pegasus_jax import commands, fetch
from pegasus_jax.errors import UserError

_ROOT = pathlib.Path(__file__).parents[1]
_REQUIRED = {
    "capture": "--video and --out",
    "create": "--video and --workdir",
    "edit": "--workdir and --out",
    "evaluate": "--workdir",
    "export": "--out",
    "view": "--workdir",
}

_EDIT = ("edit", "--workdir=w", "--out=x")


@pytest.fixture
def launch(monkeypatch):
    """launch.py as a module that leaves this process's JAX as it is."""
    spec = importlib.util.spec_from_file_location("launch", _ROOT / "launch.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "_set_up_jax", lambda device: None)
    return module


@pytest.fixture
def called(monkeypatch):
    """Replaces every command's `run`; holds the flags of the call."""
    calls = []
    for name in commands.NAMES:
        monkeypatch.setattr(commands.load(name), "run", lambda values: calls.append(values.flag_values_dict()))
    return calls


def _python(code: str, *arguments: str, **kwargs) -> subprocess.CompletedProcess:
    command = [sys.executable, "-c", textwrap.dedent(code), *arguments]
    return subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, timeout=120, **kwargs)


def test_alone_it_lists_every_command_in_one_line_without_heavy_imports():
    code = """
        import sys, launch
        status = launch.main([])
        print("HEAVY", [name for name in ("jax", "numpy", "cv2", "av", "mediapipe") if name in sys.modules])
        sys.exit(status)
    """
    done = _python(code)
    assert done.returncode == 0, done.stderr
    for name in commands.NAMES:
        assert re.search(rf"^  {name} +\S.{{20,}}$", done.stdout, re.MULTILINE), f"{name} is not listed"
    assert "HEAVY []" in done.stdout


@pytest.mark.parametrize("name", commands.NAMES)
def test_help_shows_the_flags_of_one_command(launch, called, capsys, name):
    assert launch.main([name, "--help"]) == 0
    out = capsys.readouterr().out
    assert commands.summary(name) in out
    assert "--device" in out
    assert ("--orbit" in out) == (name == "render")
    assert not called, "help runs nothing"


def test_a_protocols_setting_is_changed_like_a_configs(launch, called):
    assert launch.main(["evaluate", "--workdir=w", "--protocol=generative", "--config.pairs=3"]) == 0
    assert called[0]["set"] == ["pairs=3"]


def test_flags_reach_the_command(launch, called):
    arguments = ["--video=me.mov", "--out", "data/me", "--fps=12.5", "--max_frames=9", "--device=cpu"]
    assert launch.main(["capture", *arguments]) == 0
    (values,) = called
    assert (values["video"], values["out"], values["fps"], values["max_frames"]) == (
        "me.mov",
        "data/me",
        12.5,
        9,
    )
    assert values["device"] == "cpu" and values["head"] is None
    assert flags.FLAGS.is_parsed()


def test_a_second_call_does_not_see_the_flags_of_the_first(launch, called):
    launch.main(["capture", "--video=a.mp4", "--out=a", "--fps=5"])
    launch.main(["capture", "--video=b.mp4", "--out=b"])
    assert called[1]["fps"] is None


@pytest.mark.parametrize("name", ["--config.training.frames=10", "-config.training.frames=10"])
def test_changes_of_the_config_are_collected(launch, called, name):
    assert launch.main(["train", "--data=a,b", "--workdir=w", name, "--set=name=x"]) == 0
    assert called[0]["set"] == ["training.frames=10", "name=x"]
    assert called[0]["data"] == ["a", "b"]


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (["tain"], "There is no command tain; did you mean train?"),
        (["xyzzy"], "There is no command xyzzy; there are demo, create, "),
        (["capture", "--vidoe=a"], "capture has no flag --vidoe; did you mean --video?"),
        (["demo", "--config.a=1"], "demo has no flag --config.a; "),
        (["capture", "--video=a", "--out=b", "--fps=q"], "flag --fps=q: could not convert string to float"),
        (["capture", "--video=a", "--out=b", "--max_frames=0"], "flag --max_frames=0: 0 is not a positive"),
        (["capture", "--video=a", "--out"], "Missing value for flag --out"),
        ([*_EDIT, "--steps=1"], "flag --steps=1: 1 is not integer >= 2"),
        ([*_EDIT, "--count=0"], "flag --count=0: 0 is not a positive"),
        (["demo", "--device=npu"], "flag --device=npu: value should be one of <auto|cpu|gpu|tpu>"),
        (["demo", "runs/x"], "demo takes only flags, not 'runs/x'; see python launch.py demo --help."),
        *([[name], f"{name}: please give {names}; see"] for name, names in _REQUIRED.items()),
    ],
)
def test_a_mistake_is_one_sentence_and_status_2(launch, called, capsys, arguments, sentence):
    assert launch.main(arguments) == 2
    out, err = capsys.readouterr()
    assert sentence in err and len(err.strip().splitlines()) == 1
    assert not out and not called


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (["render", "--workdir=w", "--out=x.avi", "--orbit"], "--out=x.avi must end in .mp4."),
        (
            ["render", "--workdir=w", "--out=x.mp4"],
            "render needs --drive=DATASET_FOLDER, or --orbit, or both.",
        ),
        ([*_EDIT], "edit needs exactly one of --swap, --interpolate and --sample."),
        ([*_EDIT, "--swap=hair:hair/ada", "--sample=nose"], "edit needs exactly one of --swap, "),
        ([*_EDIT, "--swap=hair"], "--swap: 'hair' must be CATEGORY:LOOK or CATEGORY:LOOK:WEIGHT, such as"),
        ([*_EDIT, "--swap=hair:a,hair:b"], "--swap names hair twice; a look has one code of each category."),
        ([*_EDIT, "--interpolate=hair:me"], "--interpolate: 'hair:me' must be CATEGORY:LOOK>LOOK, in quotes"),
        ([*_EDIT, "--sample=hair,hair"], "--sample names hair twice; "),
        ([*_EDIT, "--sample=hair", "--steps=3"], "--steps belongs to --interpolate, not to --sample."),
        ([*_EDIT, "--swap=hair:hair/ada", "--seed=1"], "--seed belongs to --sample, not to --swap."),
        (["edit", "--workdir=w", "--out=x.mp4", "--sample=hair"], "--out=x.mp4 must be a folder: a video,"),
        ([*_EDIT, "--sample=hair"], "w is neither a work folder nor an avatar's .npz; give one of the two."),
        (["train", "--data=a", "--workdir=w", "--config=no.py"], "There is no config file no.py"),
        (["export", "--data=a", "--out=x.pkl"], "x.pkl must end in .npz or .json."),
        (["export", "--data=absent", "--out=x.npz"], "absent is not a folder; give a dataset folder"),
        (["assets", "--from=ICT-FaceKit.zip"], "--from says where to take a head model from; say which by --head=ict."),
        (["evaluate", "--data=absent/*", "--workdir=w"], "--data: no folder matches absent/*; make one by"),
    ],
)
def test_commands_check_their_flags_before_any_work(launch, capsys, arguments, sentence):
    assert launch.main(arguments) == 2
    assert sentence in capsys.readouterr().err


def test_assets_names_each_model_file_and_the_way_to_flame(launch, monkeypatch, capsys):
    from pegasus_jax.capture import model_files

    monkeypatch.setattr(model_files, "find_model", lambda name: pathlib.Path("cache") / name)
    assert launch.main(["assets"]) == 0
    out = capsys.readouterr().out
    for name in ("face_landmarker.task", "hair_segmenter.tflite", "selfie_segmenter.tflite", "CC-BY-4.0", "--head="):
        assert name in out


def test_assets_fetches_the_trunks_of_metrics_when_asked(launch, monkeypatch, capsys, tmp_path):
    from pegasus_jax.capture import model_files

    monkeypatch.setattr(model_files, "find_model", lambda name: pathlib.Path("cache") / name)
    monkeypatch.setenv("PEGASUS_ASSETS", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "lpips_vgg.pth").touch()
    monkeypatch.setattr(fetch, "download", lambda url, sha256: f"{url} {sha256}".encode())
    assert launch.main(["assets", "--metrics"]) == 0
    cache = tmp_path / "cache" / "pegasus-jax"
    for name, digits in (("alexnet-owt-7be5be79.pth", "7be5be79"), ("vgg16-397923af.pth", "397923af")):
        assert (cache / name).read_text() == f"https://download.pytorch.org/models/{name} {digits}"
    assert f"{tmp_path / 'lpips_vgg.pth'}" in capsys.readouterr().out


def test_assets_builds_the_open_head_from_where_it_is_told(launch, monkeypatch, capsys, tmp_path):
    from pegasus_jax.capture import model_files
    from pegasus_jax.flame import ict

    origins = []
    monkeypatch.setattr(model_files, "find_model", lambda name: pathlib.Path("cache") / name)
    monkeypatch.setattr(ict, "build_head", lambda origin: origins.append(origin) or pathlib.Path("cache/ict_head.npz"))
    assert launch.main(["assets", "--head=ict"]) == launch.main(["assets", "--head=ict", "--from=copy.zip"]) == 0
    assert origins == [None, pathlib.Path("copy.zip")]
    assert "cache/ict_head.npz" in capsys.readouterr().out
    monkeypatch.undo()
    assert launch.main(["assets", "--head=ict", f"--from={tmp_path}"]) == 2
    assert "generic_neutral_mesh.obj is missing; give a whole copy of ICT-FaceKit" in capsys.readouterr().err


def test_dataset_folders_are_found_by_name_and_by_pattern(tmp_path):
    from pegasus_jax.commands.folders import dataset_folders

    for name in ("ada", "ben", "cleo"):
        (tmp_path / name).mkdir()
    (tmp_path / "notes.txt").write_text("")
    found = dataset_folders([f"{tmp_path}/ben", f"{tmp_path}/*"])
    assert [path.name for path in found] == ["ben", "ada", "cleo"]
    with pytest.raises(UserError, match=r"no folder matches .*notes\.txt"):
        dataset_folders([f"{tmp_path}/notes.txt"])


def test_a_folder_of_dataset_folders_stands_for_all_of_them(tmp_path):
    from pegasus_jax.commands.folders import dataset_folders

    for name in ("me/talking", "me/reading", "me/notes", "ada"):
        (tmp_path / "me" / name).mkdir(parents=True)
        if name != "me/notes":
            (tmp_path / "me" / name / "flame_params.json").write_text("{}")
    found = dataset_folders([f"{tmp_path}/me/ada", f"{tmp_path}/*"])
    assert [path.relative_to(tmp_path).as_posix() for path in found] == ["me/ada", "me/me/reading", "me/me/talking"]


def test_export_writes_one_file(launch, tmp_path):
    from tests.data.conftest import write_folder

    folder, out = write_folder(tmp_path / "me"), tmp_path / "out" / "flame.json"
    assert launch.main(["export", f"--data={folder}", f"--out={out}"]) == 0
    assert len(json.loads(out.read_text())["pose"]) == 5


def test_a_device_that_is_not_there_is_one_sentence():
    code = "import sys, launch; sys.exit(launch.main(['demo', '--device=tpu']))"
    done = _python(code)
    assert done.returncode == 2
    assert re.match(r"--device=tpu: JAX finds no TPU here, only \w+", done.stderr.splitlines()[-1])
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "raised, status, text",
    [
        ("ZeroDivisionError('ours')", 1, "Traceback"),
        ("OSError(28, 'No space left on device', 'runs/me/x')", 2, "No disk space left ([Errno 28]"),
        ("FileNotFoundError(2, 'No such file', 'x')", 1, "Traceback"),
        ("ImportError('libGL.so.1: cannot open shared object file')", 2, "apt-get install libgl1"),
        ("ImportError('cannot import name frob')", 1, "Traceback"),
    ],
)
def test_what_a_command_raises_decides_the_status(raised, status, text):
    code = f"""
        import sys, launch
        from pegasus_jax import commands
        launch._set_up_jax = lambda device: None
        def run(values):
            raise {raised}
        commands.load("demo").run = run
        sys.exit(launch.main(["demo"]))
    """
    done = _python(code)
    assert done.returncode == status, done.stderr
    assert text in done.stderr
    assert ("Traceback" in done.stderr) == (status == 1)


def test_ctrl_c_is_status_130_for_a_real_signal():
    code = """
        import os, signal, sys, launch
        from pegasus_jax import commands
        launch._set_up_jax = lambda device: None
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job starts with it ignored
        commands.load("demo").run = lambda values: os.kill(os.getpid(), signal.SIGINT)
        sys.exit(launch.main(["demo"]))
    """
    done = _python(code)
    assert (done.returncode, done.stderr) == (130, "Stopped.\n")


def test_flags_of_several_processes_come_together_before_anything_is_read(launch, called, capsys):
    assert launch.main(["train", "--data=d", "--workdir=w", "--num_processes=2"]) == 2
    assert "--coordinator_address, --num_processes and --process_id belong together" in capsys.readouterr().err
    assert launch.main(["train", "--data=d", "--workdir=w", "--cache_gib=0.5"]) == 0
    assert (called[0]["cache_gib"], called[0]["deterministic"]) == (0.5, False)
