"""What a work folder holds before the first step, and with what it may be continued."""

import json
import subprocess
import sys

import pytest

from pegasus_jax.errors import UserError
from pegasus_jax.training import workdir

CONFIG = {"seed": 1, "step": {"rates": {"points": 1e-3}, "halvings": (1, 2)}}


def run(config: dict, *data: str) -> dict:
    return {"config": config, "data": list(data or ["data/me"])}


def test_a_new_folder_gets_its_config_and_environment(tmp_path):
    workdir.prepare(tmp_path / "runs" / "me", run(CONFIG))
    written = json.loads((tmp_path / "runs" / "me" / "config.json").read_text())
    assert written == {
        "config": {"seed": 1, "step": {"rates": {"points": 1e-3}, "halvings": [1, 2]}},
        "data": ["data/me"],
    }
    environment = json.loads((tmp_path / "runs" / "me" / "environment.json").read_text())
    assert environment["packages"]["jax"] and environment["devices"]


def test_the_same_config_continues_and_rewrites_nothing(tmp_path):
    workdir.prepare(tmp_path, run(CONFIG))
    before = (tmp_path / "environment.json").read_bytes()
    workdir.prepare(tmp_path, run(CONFIG))
    assert (tmp_path / "environment.json").read_bytes() == before


@pytest.mark.parametrize(
    "config, data, sentence",
    [
        (
            {**CONFIG, "step": {"rates": {"points": 2e-3}, "halvings": (1, 2)}},
            ["data/me"],
            r"config\.step\.rates\.points was 0\.001 and is 0\.002; use that config, or another --workdir",
        ),
        ({**CONFIG, "new": 3}, ["data/me"], r"another config: config\.new was None and is 3"),
        (CONFIG, ["data/you"], r"another config: data was \['data/me'\] and is \['data/you'\]"),
    ],
)
def test_another_config_is_refused_with_the_entry(tmp_path, config, data, sentence):
    workdir.prepare(tmp_path, run(CONFIG))
    with pytest.raises(UserError, match=sentence):
        workdir.prepare(tmp_path, {"config": config, "data": data})


def test_a_folder_of_someone_elses_is_refused(tmp_path):
    (tmp_path / "holiday.jpg").touch()
    with pytest.raises(UserError, match="is not empty and not a work folder"):
        workdir.prepare(tmp_path, run(CONFIG))
    assert [path.name for path in tmp_path.iterdir()] == ["holiday.jpg"]


def test_a_captured_dataset_may_lie_in_it_already(tmp_path):
    (tmp_path / workdir.DATASET).mkdir()
    workdir.prepare(tmp_path, run(CONFIG, str(tmp_path / workdir.DATASET)))
    assert (tmp_path / "config.json").is_file()


def test_what_a_killed_capture_left_behind_is_no_obstacle(tmp_path):
    (tmp_path / workdir.DATASET).mkdir()
    (tmp_path / f".{workdir.DATASET}-x8k2").mkdir()
    workdir.prepare(tmp_path, run(CONFIG, str(tmp_path / workdir.DATASET)))
    assert (tmp_path / "config.json").is_file()


def test_a_record_torn_by_a_power_cut_is_written_anew(tmp_path, capsys):
    workdir.prepare(tmp_path, run(CONFIG))
    whole = (tmp_path / "config.json").read_text()
    for torn in (whole[:30], "", "\0" * 40, "[]"):
        (tmp_path / "config.json").write_text(torn)
        (tmp_path / "checkpoints").mkdir(exist_ok=True)
        workdir.prepare(tmp_path, run(CONFIG))
        assert (tmp_path / "config.json").read_text() == whole
        assert "It is written anew for this run." in capsys.readouterr().err


def test_a_folder_in_which_another_process_trains_is_left_to_it(tmp_path):
    holder = (
        "import sys, time; from pegasus_jax import locks\n"
        "with locks.held(sys.argv[1]): print(flush=True); time.sleep(60)"
    )
    other = subprocess.Popen([sys.executable, "-c", holder, tmp_path / workdir.LOCK], stdout=subprocess.PIPE)
    assert other.stdout is not None and other.stdout.readline()
    with pytest.raises(UserError, match=r"Another process trains in .*; wait for its end"), workdir.claimed(tmp_path):
        pass
    other.kill()
    other.wait()
    with workdir.claimed(tmp_path):
        workdir.prepare(tmp_path, run(CONFIG))
    assert not (tmp_path / workdir.LOCK).exists()


def test_a_machine_without_git_has_no_commit(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert workdir.environment()["commit"] is None
