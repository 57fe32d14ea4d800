import os
import pwd
import subprocess
import sys
import tempfile
import types

import cv2
import jax
import pytest

import rasterizer
from pegasus_jax import doctor
from pegasus_jax.errors import UserError

from .flame.fake_flame import write_flame


def _subjects(findings):
    return {finding.subject: finding for finding in findings}


def test_a_working_installation_is_reported_in_lines(capsys):
    doctor.examine()
    lines = capsys.readouterr().out.splitlines()
    assert all(line[:2] in ("✓ ", "✗ ") and ": " in line for line in lines)
    good = " ".join(line for line in lines if line.startswith("✓"))
    for subject in (
        "Python",
        "packages: jax ",
        "OpenCV",
        "devices",
        "rasteriser auto: draws",
        "mediapipe",
        "video: H.264 can be written",
        "disk",
    ):
        assert subject in good


@pytest.mark.skipif(bool(rasterizer.backend_problem("cpu")), reason="no native rasteriser")
def test_the_instruction_set_of_the_native_rasteriser_is_named():
    finding = _subjects(doctor._rasteriser())["rasteriser cpu"]
    assert finding.detail == f"draws (instruction set: {rasterizer.instruction_set()})"


def test_model_files_that_are_absent_say_what_to_run(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PEGASUS_ASSETS", str(tmp_path / "assets"))
    finding = _subjects(doctor._model_files())["face_landmarker.task"]
    assert not finding.is_good and "run: python launch.py assets" in finding.detail
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "face_landmarker.task").write_bytes(b"")
    finding = _subjects(doctor._model_files())["face_landmarker.task"]
    assert finding.is_good and str(tmp_path / "assets") in finding.detail


def test_two_opencvs_of_different_versions_are_found(monkeypatch):
    versions = {"opencv-python": "4.1", "opencv-contrib-python": "5.0"}
    monkeypatch.setattr(doctor, "_version", versions.get)
    finding = doctor._opencv()
    assert not finding.is_good
    assert "opencv-python==5.0 opencv-contrib-python==5.0" in finding.detail
    versions["opencv-python"] = "5.0"
    assert doctor._opencv() == doctor.Finding("OpenCV", True, cv2.__version__)


@pytest.mark.parametrize("name", ["opencv-python-headless", "opencv-contrib-python-headless"])
def test_a_headless_opencv_beside_ours_is_found_whatever_its_version(monkeypatch, name):
    versions = {"opencv-python": "5.0", "opencv-contrib-python": "5.0", name: "5.0"}
    monkeypatch.setattr(doctor, "_version", versions.get)
    finding = doctor._opencv()
    assert not finding.is_good and f"{name} 5.0" in finding.detail
    assert f"pip uninstall {name}; pip install" in finding.detail


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_a_console_without_check_marks_gets_letters(encoding):
    code = "import sys; from pegasus_jax import doctor, launcher; "
    code += "doctor.findings = lambda head: [doctor.Finding('é', True, '→')]; sys.exit(launcher.main(['doctor']))"
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "LC_ALL": "C"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True)
    mark = done.stdout.split()[0].decode(encoding)
    assert mark == ("✓" if encoding == "utf-8" else "ok"), done.stderr


def test_doctor_reports_to_a_user_without_name_and_home(monkeypatch, tmp_path, capsys):
    def unknown(uid):
        raise KeyError(f"getpwuid(): uid not found: {uid}")

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path))
    for name in ("HOME", "XDG_CACHE_HOME", "PEGASUS_ASSETS", "FLAME_PATH", "USER", "LOGNAME", "PATH"):
        monkeypatch.delenv(name, raising=False)
    found = _subjects(doctor.findings())
    assert found["rasteriser auto"].is_good and not found["face_landmarker.task"].is_good
    assert [path.name for path in tmp_path.iterdir()] == [f"pegasus-jax-{os.getuid()}"]
    assert tmp_path.joinpath(f"pegasus-jax-{os.getuid()}").stat().st_mode & 0o777 == 0o700


def test_modules_that_windows_lacks_are_not_packages():
    sentence = doctor.explain_import_error(ModuleNotFoundError(name="fcntl"))
    assert sentence.startswith("Python's own module fcntl is not part of Python on") and "WSL" in sentence


def test_a_missing_system_library_says_which_packages_to_install():
    error = ImportError("libGL.so.1: cannot open shared object file: No such file or directory")
    sentence = doctor.explain_import_error(error)
    assert sentence.startswith("A system library is missing (libGL.so.1")
    assert "apt-get install libgl1 libegl1 libgles2 libglib2.0-0" in sentence


def test_a_missing_package_is_told_from_a_mistake_of_ours():
    assert "mediapipe is missing" in doctor.explain_import_error(ModuleNotFoundError(name="mediapipe"))
    assert doctor.explain_import_error(ModuleNotFoundError(name="pegasus_jax.frob")) is None
    assert doctor.explain_import_error(ImportError("cannot import name frob")) is None


def test_the_built_in_head_comes_with_the_way_to_a_realistic_one(monkeypatch, tmp_path):
    monkeypatch.delenv("FLAME_PATH", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PEGASUS_ASSETS", str(tmp_path))
    finding = _subjects(doctor._head_model(None))["head model"]
    assert not finding.is_good and not finding.is_essential
    assert finding.detail.startswith("builtin (") and "run: python launch.py assets --head=ict" in finding.detail
    finding = _subjects(doctor._head_model(str(write_flame(tmp_path / "mine.pkl"))))["head model"]
    assert finding.is_good and finding.detail.startswith("mine (")


def test_a_wrong_head_is_a_line_and_no_stop(tmp_path):
    subjects = _subjects(doctor.findings(head=str(tmp_path / "absent.pkl")))
    assert not subjects["head model"].is_good and "absent.pkl" in subjects["head model"].detail
    assert "memory" in subjects, "the checks after it still run"


def test_a_broken_driver_is_an_essential_finding(monkeypatch):
    def broken():
        raise RuntimeError("Unable to initialize backend 'cuda'")

    monkeypatch.setattr(jax, "devices", broken)
    (finding,) = doctor._devices()
    assert finding.is_essential and not finding.is_good
    assert finding.detail == "Unable to initialize backend 'cuda'; try --device=cpu"


def test_another_project_called_rasterizer_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "rasterizer", types.SimpleNamespace(__file__="site-packages/rasterizer.py"))
    (finding,) = doctor._rasteriser()
    assert finding.is_essential and not finding.is_good
    assert "site-packages/rasterizer.py is another project of this name; run: pip uninstall" in finding.detail


def test_a_full_disk_is_told_in_advance(monkeypatch):
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: types.SimpleNamespace(free=2**30))
    assert doctor._disk() == doctor.Finding("disk", False, "1.0 GiB free here; an avatar takes up to 5 GiB")


def test_a_broken_essential_part_is_an_error(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "findings", lambda head: [doctor.Finding("packages", False, "jax missing", True)])
    with pytest.raises(UserError, match="1 essential part of the installation is broken"):
        doctor.examine()
    assert capsys.readouterr().out == "✗ packages: jax missing\n"


def test_a_broken_optional_part_is_none(monkeypatch):
    monkeypatch.setattr(doctor, "findings", lambda head: [doctor.Finding("a.task", False, "not here yet")])
    doctor.examine()


def test_a_failing_import_is_an_essential_finding():
    def check():
        raise ImportError("libEGL.so.1: cannot open shared object file")
        yield

    (finding,) = doctor._guarded("mediapipe", check)
    assert finding.is_essential and not finding.is_good and "libegl1" in finding.detail
