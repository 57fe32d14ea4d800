"""The quick demo's gate and recorded runs: it lets pass what differs by chance alone, and stops what is broken."""

import json

import pytest


@pytest.fixture
def recorded():
    from quick_spread import RECORDED

    if not RECORDED.is_file():
        pytest.skip("no runs are recorded yet: python benchmarks/quick_spread.py --out=runs/spread --write")
    return json.loads(RECORDED.read_text())


@pytest.fixture
def entries():
    from check_baseline import BASELINE

    return json.loads(BASELINE.read_text())["quick"]


def test_every_run_that_differs_by_what_may_not_matter_passes(recorded, entries):
    from check_baseline import fallen_behind
    from quick_spread import VARIANTS

    whole = {name: run for name, run in recorded.items() if not VARIANTS[name].broken}
    assert len(whole) >= 5
    assert [sentence for run in whole.values() for sentence in fallen_behind(entries, run)] == []


def test_a_loss_that_is_off_and_exchanged_codes_are_stopped(recorded, entries):
    from check_baseline import fallen_behind

    assert any("looks mean gain" in sentence for sentence in fallen_behind(entries, recorded["codes"]))
    assert any("iou" in sentence for sentence in fallen_behind(entries, recorded["mask"]))


def test_the_gate_is_made_of_the_recorded_runs(recorded, entries):
    from quick_spread import VARIANTS, gate

    assert gate(entries, [run for name, run in recorded.items() if not VARIANTS[name].broken]) == entries


def test_values_are_means_and_tolerances_twice_the_worst_but_not_less_than_is_said():
    from quick_spread import gate

    entries = {"gain": {"direction": "higher", "least": 1.0}, "spill": {"direction": "lower", "least": 0.1}}
    found = gate(entries, [{"gain": 10.0, "spill": 0.01}, {"gain": 11.0, "spill": 0.02}, {"gain": 15.0, "spill": 0.03}])
    assert found["gain"] == {"direction": "higher", "least": 1.0, "value": 12.0, "tolerance": 4.0}
    assert found["spill"] == {"direction": "lower", "least": 0.1, "value": 0.02, "tolerance": 0.1}


def test_the_pages_table_is_of_the_recorded_runs(recorded, entries):
    from quick_spread import _PAGE, table

    assert table(entries, recorded) in _PAGE.read_text()


def test_a_variant_runs_in_its_own_environment(monkeypatch):
    from quick_spread import VARIANTS

    monkeypatch.setenv("XLA_FLAGS", "--xla_force_host_platform_device_count=1")
    assert VARIANTS["avx2"].environment["XLA_FLAGS"].split() == [
        "--xla_force_host_platform_device_count=1",
        "--xla_cpu_max_isa=AVX2",
    ]
    assert VARIANTS["xla"].environment["RASTERIZER_BACKEND"] == "xla"
    assert VARIANTS["threads"].environment["NPROC"] == "2"


def test_too_few_runs_are_no_spread(monkeypatch, tmp_path, capsys):
    import quick_spread

    monkeypatch.setattr(quick_spread.subprocess, "run", lambda *words, **options: None)
    monkeypatch.setattr("sys.argv", ["quick_spread.py", f"--out={tmp_path}", "--only=avx", "--write"])
    with pytest.raises(SystemExit):
        quick_spread.main()
    assert "--write needs 5 whole variants at least; 0 have been run." in capsys.readouterr().err
