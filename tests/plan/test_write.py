"""Which jobs a plan has, and in what order."""

import json

import pytest

import launch
from pegasus_jax import jobs
from pegasus_jax.errors import UserError
from pegasus_jax.plan import Options, write_plan
from pegasus_jax.plan.run import read_plan


def clip(folder, name):
    """A folder that looks like a dataset folder."""
    (folder / name).mkdir(parents=True)
    (folder / name / "flame_params.json").touch()
    return folder / name


@pytest.fixture
def in_root(monkeypatch, pytestconfig):
    """The configs are named relative to the project's root."""
    monkeypatch.chdir(pytestconfig.rootpath)


def test_a_hundred_donors_are_trained_swapped_and_learned_once(tmp_path, in_root):
    donors = [clip(tmp_path / "clips", f"p{number:03}") for number in range(100)]
    options = Options(attributes=("hair", "nose"))
    entries = write_plan(
        tmp_path / "all" / "plan.json", target=clip(tmp_path / "clips", "me"), donors=donors, options=options
    )
    assert json.loads((tmp_path / "all" / "plan.json").read_text()) == entries
    assert [entry["command"] for entry in entries] == ["train"] * 100 + ["synthesize"] * 200 + ["train"]
    assert (
        entries[0]["data"] == ["../clips/p000"] and entries[0]["workdir"] == "runs/p000" and "after" not in entries[0]
    )
    assert entries[101] == {
        "command": "synthesize",
        "target": "../clips/me",
        "donor": "runs/p000",
        "attribute": "nose",
        "out": "data/me__nose_p000",
        "after": ["runs/p000"],
    }
    last = entries[-1]
    assert last["workdir"] == "runs/me" and last["config"].endswith("laptop.py:generative")
    assert last["data"] == ["../clips/me", *last["after"]] and len(set(last["after"])) == 200


@pytest.mark.parametrize("size", [1, 7, 16, 200])
def test_shares_are_whole_chains_and_together_all_jobs(tmp_path, in_root, size):
    donors = [clip(tmp_path, f"p{number}") for number in range(100)]
    write_plan(tmp_path / "plan.json", target=clip(tmp_path, "me"), donors=donors)
    found = read_plan(tmp_path / "plan.json")
    shares = [jobs.share(found, array_index=index, array_size=size) for index in range(size)]
    assert sorted(str(job.out) for one in shares for job in one) == sorted(str(job.out) for job in found)
    for one in shares:
        outs = {job.out for job in one}
        assert all(outs.issuperset(job.after) for job in one if job.out.parent.name == "data"), "nothing to wait for"
    assert max(map(len, shares[:100])) - min(map(len, shares[:100])) <= 3


def test_videos_are_captured_first_and_avatars_taken_as_they_are(tmp_path, in_root):
    for name in ("me.mp4", "ada.mov", "bob.npz"):
        (tmp_path / name).touch()
    (tmp_path / "eve").mkdir()
    (tmp_path / "eve" / "config.json").touch()
    donors = [tmp_path / name for name in ("ada.mov", "bob.npz", "eve")]
    options = Options(head=tmp_path / "head.npz")
    entries = write_plan(tmp_path / "plan.json", target=tmp_path / "me.mp4", donors=donors, options=options)
    made = [(entry["command"], entry.get("out", entry.get("workdir")), entry.get("after")) for entry in entries]
    assert made == [
        ("capture", "data/me", None),
        ("capture", "data/ada", None),
        ("train", "runs/ada", ["data/ada"]),
        ("synthesize", "data/me__hair_ada", ["data/me", "runs/ada"]),
        ("synthesize", "data/me__hair_bob", ["data/me"]),
        ("synthesize", "data/me__hair_eve", ["data/me"]),
        ("train", "runs/me", ["data/me", *(f"data/me__hair_{name}" for name in ("ada", "bob", "eve"))]),
    ]
    assert [entry["donor"] for entry in entries[3:6]] == ["runs/ada", "bob.npz", "eve"]
    assert all(entry["head"] == "head.npz" for entry in entries)


@pytest.mark.parametrize(
    ("donors", "changes", "sentence"),
    [
        (["away.mp4"], {}, r"neither a video nor a folder at \S+away.mp4"),
        (["ada", "x/ada"], {}, r"\S+ada and \S+x/ada are both called ada; rename one"),
        (["ada"], {"attributes": ("beard",)}, "There is no attribute 'beard'"),
        (["ada"], {"config": "configs/laptop.py"}, "has no second stage for part-swapped videos"),
        (["ada"], {"donor_config": "configs/no.py"}, "There is no config file configs/no.py"),
        (["several"], {}, "several has several dataset folders below it"),
    ],
)
def test_what_cannot_be_planned_is_told(tmp_path, in_root, donors, changes, sentence):
    for name in ("ada", "x/ada", "several/one", "several/two"):
        clip(tmp_path, name)
    with pytest.raises(UserError, match=sentence):
        write_plan(
            tmp_path / "plan.json",
            target=clip(tmp_path, "me"),
            donors=[tmp_path / name for name in donors],
            options=Options(**changes),
        )
    assert not (tmp_path / "plan.json").exists()


def test_the_command_takes_patterns_and_keeps_a_plan_that_is_there(tmp_path, in_root, capsys):
    for name in ("ada", "bob", "me"):
        clip(tmp_path, name)
    words = ["plan", f"--target={tmp_path}/me", f"--donors={tmp_path}/*", f"--out={tmp_path}/plan.json"]
    assert launch.main(words) == 0
    assert "5 jobs in" in capsys.readouterr().out
    assert launch.main(words) == 2
    assert "plan.json exists; run it by --run=" in capsys.readouterr().err
    assert launch.main(["plan", "--target=a", "--run=b"]) == 2
    assert "takes either --run or" in capsys.readouterr().err
    assert launch.main(["plan", "--target=a"]) == 2
    assert "please give --donors and --out, or --run" in capsys.readouterr().err
    assert launch.main(["plan", "--target=a", "--out=b", f"--donors={tmp_path}/zoe*"]) == 2
    assert "zoe*: nothing is at" in capsys.readouterr().err
