"""Every protocol on a tiny avatar: its tables, the counts that it says, and the same numbers twice."""

import dataclasses
import json

import pytest

from pegasus_jax.errors import UserError
from pegasus_jax.evaluation import protocols
from pegasus_jax.evaluation.protocols.generative import Generative
from pegasus_jax.evaluation.protocols.identity import Identity
from pegasus_jax.evaluation.protocols.offsets import Offsets
from pegasus_jax.evaluation.protocols.reconstruction import Reconstruction
from pegasus_jax.evaluation.protocols.speed import Speed
from pegasus_jax.evaluation.protocols.temporal import Temporal
from pegasus_jax.evaluation.weights import NotComputed

SIZE = 24
LOOKS = ["hair/ada", "hair/cleo", "nose/ben"]


def test_every_name_leads_to_a_protocol_with_settings():
    for name in protocols.NAMES:
        protocol = protocols.configured(name, [])
        assert dataclasses.asdict(protocol) == dataclasses.asdict(protocols.load(name)())
        json.dumps(dataclasses.asdict(protocol))


def test_settings_are_changed_by_name():
    assert protocols.configured("generative", ["pairs=200", "reference=ffhq"]) == Generative(
        pairs=200, reference="ffhq"
    )
    assert protocols.configured("reconstruction", ["opened=True"]) == Reconstruction(opened=True)
    with pytest.raises(UserError, match=r"The config has no key pears: did you mean pairs\?"):
        protocols.configured("generative", ["pears=3"])
    with pytest.raises(UserError, match=r"--config\.frames must be 1 or more; got 0"):
        protocols.configured("identity", ["frames=0"])
    with pytest.raises(UserError, match=r"--config\.steps must be 2 or more, as a path has two ends; got 1"):
        protocols.configured("generative", ["steps=1"])


def test_identity_has_a_row_for_every_look_and_says_what_is_missing(subject, no_weights):
    table = Identity(frames=2, image_size=SIZE).measure(subject)["identity"]
    assert [row.names[0] for row in table.rows] == ["as filmed", *LOOKS]
    for row in table.rows:
        assert all(isinstance(row.figures[name], NotComputed) for name in ("faces", "arcface", "landmark_shape"))
    assert "arcface: not computed: needs face_landmarker.task" in table.markdown()


def test_temporal_has_a_row_for_the_frames_too(subject, no_weights):
    table = Temporal(frames=2, image_size=SIZE).measure(subject)["temporal"]
    assert [row.names[0] for row in table.rows] == ["the frames", "as filmed", *LOOKS]
    assert all(row.figures["frames"] == 2 and row.figures["change"] > 0 for row in table.rows)
    assert table.rows[0].figures["change_ratio"] == 1.0
    assert isinstance(table.rows[0].figures["jitter"], NotComputed)


def test_temporal_tells_flicker_by_its_place(subject, no_weights):
    clip = dataclasses.replace(subject, test_fraction=0.5)
    table = Temporal(image_size=SIZE).measure(clip)["temporal"]
    assert table.rows[0].figures["frames"] >= 3
    for row in table.rows:
        assert {"flicker", "hair_flicker"} <= row.figures.keys() and "shoulders_flicker" not in row.figures
    assert table.rows[0].figures["flicker"] == 1.0


def test_generative_looks_are_counted_and_the_same_twice(subject, no_weights):
    protocol = Generative(pairs=2, steps=3, samples=2, poses=2, image_size=SIZE)
    first, second = (protocol.measure(subject)["generative"] for _ in range(2))
    assert first == second
    counts = {row.names: (row.figures["looks"], row.figures.get("pictures")) for row in first.rows}
    assert counts[("hair", "swapped")] == (2, 4)
    assert counts[("hair", "interpolated")] == (6, 12)
    assert counts[("hair", "sampled")] == (2, 4)
    assert counts[("nose", "swapped")] == (1, 2)
    assert counts[("nose", "interpolated")] == (3, 6), "there is but one pair"
    assert counts[("nose", "sampled")] == (NotComputed("two looks of nose"), None)
    path = next(row.figures for row in first.rows if row.names == ("hair", "interpolated"))
    assert isinstance(path["fid"], NotComputed) and isinstance(path["ppl"], NotComputed)
    assert path["l1_length"] > 0 and path["l1_largest_step"] >= 1


def test_another_seed_draws_other_samples(subject, no_weights):
    def looks(seed):
        paths = Generative(seed=seed, samples=1)._paths(subject.avatar, "hair")
        return paths["sampled"][0][0]["hair"]

    assert (looks(0) == looks(0)).all() and (looks(0) != looks(1)).any()


def test_a_reference_is_a_folder_of_pictures(subject, no_weights, tmp_path):
    with pytest.raises(UserError, match="holds fewer than two pictures"):
        Generative(reference=str(tmp_path), image_size=SIZE).measure(subject)
    pictures = Generative(reference=str(subject.driver.folder / "image"), image_size=SIZE, reference_pictures=4)
    assert pictures._reference(subject).shape == (4, SIZE, SIZE, 3)


def test_offsets_are_means_over_all_frames_of_all_clips(subject, no_weights):
    (row,) = Offsets().measure(subject)["offsets"].rows
    assert row.names == ("off",)
    assert (row.figures["clips"], row.figures["frames"]) == (3, 6)
    alone = [
        Offsets().measure(dataclasses.replace(subject, clips=(clip,)))["offsets"].rows[0] for clip in subject.clips
    ]
    assert row.figures["psnr"] == pytest.approx(sum(one.figures["psnr"] for one in alone) / 3, abs=1e-4)


def test_speed_says_what_it_timed(subject, no_weights, tmp_path):
    protocol = Speed(repeats=1, image_size=SIZE)
    (row,) = protocol.measure(subject)["speed"].rows
    assert str(row.figures["train_steps_per_second"]) == (
        "not computed: needs a training run's work folder with metrics.jsonl"
    )
    assert row.figures["frames_per_second"] > 0 and row.figures["bake_seconds"] > 0
    assert row.figures["peak_memory_mib"] > 10
    (tmp_path / "metrics.jsonl").write_text(
        '{"frames": 1, "steps_per_second": 2.0}\n{"frames": 2, "steps_per_second": 4.0}\n{"fra'
    )
    (row,) = protocol.measure(dataclasses.replace(subject, run=tmp_path))["speed"].rows
    assert row.figures["train_steps_per_second"] == 3.0


def test_an_avatar_without_looks_is_told(subject, no_weights, monkeypatch):
    only = dataclasses.replace(subject, clips=subject.clips[:1])
    with pytest.raises(
        UserError, match=r"No dataset folder shows a look of this avatar \(hair/ada, hair/cleo, nose/ben\)"
    ):
        protocols.configured("attribute_transfer", []).measure(only)


def test_a_clip_with_gaps_is_told(subject, no_weights):
    clip = dataclasses.replace(subject.driver, numbers=2 * subject.driver.numbers)
    apart = dataclasses.replace(subject, clips=(clip,))
    with pytest.raises(UserError, match="holds out no two frames that follow each other"):
        Temporal().measure(apart)
