"""A short run of the fuzzer: everything wrong is refused by a sentence, and nothing harms the process."""

import json
import random
import signal
import sys

import pytest

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")


KINDS = ["imavatar", "capture", "vhap", "insta", "head", "flame", "zip tensors", "plan", "swaps", "expression"]
WORKER = """
import json, os, sys, time
print(json.dumps({"what": "ready"}), flush=True)
for line in sys.stdin:
    """


def test_a_short_run_falls_short_nowhere(capsys):
    import fuzz

    counts = fuzz.run(60, seed=7, kinds=KINDS)
    found = [verdict for one in counts.values() for verdict in one.elements()]
    told = capsys.readouterr().out
    assert len(found) >= 50 and found.count("refused") >= 30 and f"| all | {len(found)} |" in told
    assert not set(found) & set(fuzz._BAD), told


def test_the_fuzzer_sees_what_it_looks_for(tmp_path, monkeypatch):
    """A worker that crashes, hangs, raises or takes what is wrong is not called good."""
    import fuzz
    import fuzz_changes

    def outcome(line):
        (tmp_path / "worker.py").write_text(WORKER + line)
        monkeypatch.setattr(fuzz, "__file__", str(tmp_path / "worker.py"))
        return fuzz.Worker().read("points", tmp_path)

    monkeypatch.setattr(fuzz, "SECONDS", 2.0)
    assert outcome("os.kill(os.getpid(), 11)") == fuzz.Outcome("crash", signal.Signals.SIGSEGV.name)
    assert outcome("time.sleep(60)").what == "hang"
    wrong = fuzz.Input("head", "head.npz", "shape", "0/0", fuzz_changes.Done(is_wrong=True, place="faces"))
    assert fuzz.judged(wrong, fuzz.Outcome("taken")) == "taken"
    assert fuzz.judged(wrong, fuzz.Outcome("traceback")) == "traceback"
    assert fuzz.judged(wrong, fuzz.Outcome("refused", "head.npz is wrong.")) == "unnamed"
    assert fuzz.judged(wrong, fuzz.Outcome("refused", "head.npz: faces are wrong.")) == "refused"


def test_every_change_changes_its_file_and_one_seed_means_one_input(tmp_path):
    import fuzz_changes

    good = json.dumps({"frames": [{"pose": [0.0] * 15}], "x": 1})
    for name, change in fuzz_changes.changes_of(tmp_path / "a.json", essential=("pose",)).items():
        made = []
        for copy in ("one", "two"):
            path = tmp_path / name / copy / "a.json"
            path.parent.mkdir(parents=True)
            path.write_text(good)
            assert change(path, random.Random("0/0")) is not None
            made.append(path.read_bytes() if path.is_file() and not path.is_symlink() else path.lstat().st_mode)
        assert made[0] == made[1] != good.encode(), name
