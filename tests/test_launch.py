import json
import os
import pathlib
import re
import subprocess
import sys
import textwrap

import pytest
from absl import flags

from pegasus_jax import commands, fetch, launcher
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
    """The launcher, which leaves this process's JAX as it is."""
    monkeypatch.setattr(launcher, "_set_up_jax", lambda device: None)
    return launcher


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
        pathlib.Path("me.mov"),
        pathlib.Path("data/me"),
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
    assert called[0]["data"] == ["a,b"]


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
        (["evaluate", "--data=absent/*", "--workdir=."], "--data=absent/*: nothing is at absent/*; check the path."),
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


def test_a_folder_that_is_there_is_no_pattern(tmp_path):
    from pegasus_jax.commands.folders import dataset_folders

    for name in ("me [take 1]", "me 1", "Doe, Jane", "Doe", "a", "b"):
        (tmp_path / name).mkdir()
    assert [path.name for path in dataset_folders([f"{tmp_path}/me [take 1]"])] == ["me [take 1]"]
    assert [path.name for path in dataset_folders([f"{tmp_path}/me [1-9]"])] == ["me 1"]
    assert [path.name for path in dataset_folders([f"{tmp_path}/Doe, Jane", f"{tmp_path}/a, {tmp_path}/b"])] == [
        "Doe, Jane",
        "a",
        "b",
    ]
    with pytest.raises(UserError, match=r"nothing is at .*/Joe; repeat the flag for names with commas"):
        dataset_folders([f"{tmp_path}/Doe,{tmp_path}/Joe"])


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


def test_a_path_may_begin_with_the_home_folder_as_shells_leave_it(launch, called, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert launch.main(["demo", "--workdir=~/runs/x"]) == 0
    assert launch.main(["train", "--data=~/me", "--workdir", "~/w", "--head=~/head.npz"]) == 0
    assert called[0]["workdir"] == tmp_path / "runs" / "x"
    assert (called[1]["workdir"], called[1]["head"]) == (tmp_path / "w", tmp_path / "head.npz")
    assert not list(tmp_path.iterdir()) and not pathlib.Path("~").exists()


def test_a_home_that_nobody_knows_is_one_sentence(launch, called, capsys):
    assert launch.main(["demo", "--workdir=~nobody_here/x"]) == 2
    assert "~nobody_here/x: the home folder that ~ stands for is not known here; write" in capsys.readouterr().err


def test_an_empty_path_counts_as_not_given(launch, called, capsys):
    assert launch.main(["train", "--data=d", "--workdir=w", "--head="]) == 0
    assert called[0]["head"] is None
    assert launch.main(["capture", "--video=v", "--out="]) == 2
    assert "capture: please give --out" in capsys.readouterr().err


@pytest.mark.parametrize("place", ["/proc/x", "{file}/x", "{file}/x/y", "{long}", "{link}"])
@pytest.mark.parametrize(
    "words",
    [["demo", "--workdir="], ["capture", "--video=v", "--out="], ["fuse", "--source=a", "--target=b", "--out="]],
    ids=" ".join,
)
def test_a_place_that_cannot_be_written_is_told_before_any_work(launch, called, capsys, tmp_path, place, words):
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "link")
    named = place.format(file=tmp_path / "file", long=tmp_path / (300 * "x"), link=tmp_path / "link" / "x")
    assert launch.main([*words[:-1], words[-1] + named]) == 2
    assert re.match(r"\S+ cannot be written \(.+\); choose another place\.\n$", capsys.readouterr().err)
    assert not called


def test_suffixes_of_flags_may_be_in_capitals(launch, capsys):
    assert launch.main(["render", "--workdir=nowhere", "--out=X.MP4", "--orbit"]) == 2
    assert launch.main(["export", "--workdir=nowhere", "--out=X.PLY"]) == 2
    assert launch.main(["export", "--workdir=nowhere.NPZ", "--out=X.NPZ"]) == 2
    assert [line.partition(" ")[0] for line in capsys.readouterr().err.splitlines()] == 2 * ["nowhere"] + [
        "nowhere.NPZ"
    ]


def test_what_libraries_say_of_themselves_is_shown_on_demand(real_data):
    code = """
        import os, sys, launch
        from pegasus_jax import commands
        from pegasus_jax.capture.face_landmarks import FaceDetector
        from pegasus_jax.capture.mattes import Segmenters
        def run(values):
            with FaceDetector(), Segmenters():
                print("ours", file=sys.stderr)
        commands.load("demo").run = run
        sys.exit(launch.main(["demo", "--device=cpu", *sys.argv[1:]]))
    """
    environment = {**os.environ, "PEGASUS_ASSETS": str(real_data / "mediapipe")}
    assert _python(code, env=environment).stderr == "ours\n"
    assert "XNNPACK" in _python(code, "--verbose", env=environment).stderr


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
        ("FileNotFoundError(2, 'No such file', 'x')", 2, "x cannot be used (No such file); check the path."),
        ("OSError(36, 'File name too long', 'x')", 2, "x cannot be used (File name too long); check the path."),
        ("MemoryError('Unable to allocate 3 TiB')", 2, "There is not enough memory (Unable to allocate 3 TiB)"),
        ("KeyError('ours')", 1, "This is a mistake in PEGASUS-JAX, not in what you gave it"),
        ("PermissionError(13, 'Permission denied', 'runs/me/x')", 2, "'runs/me/x'); choose another place."),
        ("OSError(30, 'Read-only file system', 'runs/me/x')", 2, "'runs/me/x'); choose another place."),
        ("BrokenPipeError(32, 'Broken pipe')", 141, ""),
        ("ImportError('libGL.so.1: cannot open shared object file')", 2, "apt-get install libgl1"),
        ("ImportError('cannot import name frob')", 1, "Traceback"),
    ],
)
def test_what_a_command_raises_decides_the_status(raised, status, text):
    code = f"""
        import sys
        import launch
        from pegasus_jax import commands, launcher
        launcher._set_up_jax = lambda device: None
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
        from pegasus_jax import commands, launcher
        launcher._set_up_jax = lambda device: None
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


@pytest.mark.parametrize("flag", ["--cache_gib=nan", "--cache_gib=inf", f"--num_processes={2**31}"])
def test_numbers_that_no_flag_can_mean_are_told(launch, called, capsys, flag):
    assert launch.main(["train", "--data=a", "--workdir=b", flag]) == 2
    assert f"train: {flag.partition('=')[0]} must be a number up to 2147483647" in capsys.readouterr().err
    assert not called
