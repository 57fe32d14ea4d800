"""The regression gate: what falls behind is named, what gets better is not."""

import json

ENTRIES = {
    "looks hair/ada inside": {"value": 19.0, "direction": "higher", "tolerance": 0.5},
    "looks hair/ada spill": {"value": 0.01, "direction": "lower", "tolerance": 0.002},
}
SPILL = {"looks hair/ada spill": 0.01}


def test_what_falls_behind_by_more_than_its_tolerance_is_named():
    from check_baseline import fallen_behind

    assert fallen_behind(ENTRIES, {"looks hair/ada inside": 18.51, **SPILL}) == []
    assert fallen_behind(ENTRIES, {"looks hair/ada inside": 30.0, "looks hair/ada spill": 0.0}) == []
    assert fallen_behind(ENTRIES, {"looks hair/ada inside": 18.49, **SPILL}) == [
        "looks hair/ada inside is 18.49; higher is better than 19, and 0.5 is tolerated."
    ]
    assert fallen_behind(ENTRIES, {"looks hair/ada inside": 19.0, "looks hair/ada spill": 0.013}) == [
        "looks hair/ada spill is 0.013; lower is better than 0.01, and 0.002 is tolerated."
    ]


def test_what_is_missing_or_no_number_has_fallen_behind():
    from check_baseline import fallen_behind

    assert fallen_behind(ENTRIES, SPILL) == ["looks hair/ada inside is missing; it was 19."]
    assert len(fallen_behind(ENTRIES, {"looks hair/ada inside": float("nan"), **SPILL})) == 1


def test_an_update_changes_values_alone():
    from check_baseline import fallen_behind, updated

    found = {"looks hair/ada inside": 12.34567, "looks hair/ada spill": 0.5, "another": 1.0}
    new = updated(ENTRIES, found)
    assert new["looks hair/ada inside"] == {"value": 12.3457, "direction": "higher", "tolerance": 0.5}
    assert list(new) == list(ENTRIES)
    assert fallen_behind(new, found) == []


def test_the_committed_baseline_has_a_dozen_figures_of_each_scale():
    from check_baseline import BASELINE

    baseline = json.loads(BASELINE.read_text())
    assert set(baseline) == {"quick", "full"}
    for entries in baseline.values():
        assert len(entries) >= 6
        for entry in entries.values():
            assert entry["direction"] in ("higher", "lower") and entry["tolerance"] > 0


def test_a_demos_figures_have_names(tmp_path):
    from check_baseline import figures

    (tmp_path / "runs" / "ben").mkdir(parents=True)
    (tmp_path / "scores.json").write_text(json.dumps({"paths": {"hair": {"largest over mean step": 1.5}}}))
    tables = {"pictures": [{"clip": "ben", "picture": "tracked", "psnr": 28.0, "lpips": "not computed: needs a file"}]}
    (tmp_path / "runs" / "ben" / "evaluation.json").write_text(json.dumps({"tables": tables}))
    assert figures(tmp_path) == {"paths hair largest over mean step": 1.5, "pictures tracked psnr": 28.0}


def test_a_demo_is_compared_with_itself_and_its_stills(tmp_path):
    from check_baseline import figures

    (tmp_path / "runs" / "ben").mkdir(parents=True)
    looks = {
        "hair/ada": {"inside": 19.0, "unedited": 7.0, "outside": 24.0, "unedited outside": 25.0},
        "hat/eve": {"inside": 16.0, "unedited": 8.0, "outside": 25.0, "unedited outside": 25.0},
    }
    stills = {"mean training image": 21.0, "nearest training frame": 22.0, "best constant colour": 30.0}
    rows = [{"picture": name, "psnr": psnr} for name, psnr in {"tracked": 28.0, **stills}.items()]
    (tmp_path / "runs" / "ben" / "evaluation.json").write_text(json.dumps({"tables": {"pictures": rows}}))
    found = figures(tmp_path, {"looks": looks})
    assert [found[f"looks {row} gain"] for row in ("hair/ada", "hat/eve", "mean")] == [12.0, 8.0, 10.0]
    assert [found[f"looks {row} kept"] for row in ("hair/ada", "hat/eve", "mean")] == [-1.0, 0.0, -0.5]
    assert found["pictures tracked above stills"] == 6.0
