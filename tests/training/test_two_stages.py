"""A run of two stages on a person's own folder and two part-swapped ones, from the first frame to the avatar."""

import dataclasses
import json
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pegasus_jax as pj
from pegasus_jax.core.latents import CATEGORIES
from pegasus_jax.core.model import initial_state
from pegasus_jax.data import pictures, read_dataset
from pegasus_jax.errors import UserError
from pegasus_jax.flame import load_head
from pegasus_jax.inference import checkpoint
from pegasus_jax.training import figures, loop
from pegasus_jax.training.parallel import DataParallel
from pegasus_jax.training.settings import from_config, with_looks
from pegasus_jax.training.step import Step
from tests.training import tiny

HAIR, NOSE = CATEGORIES.index("hair"), CATEGORIES.index("nose")
OWN, ADA, BEN = range(3)


def config(**changes):
    """16 frames of the own folder, 32 of all three; one capacity, so one program."""
    values = {
        "stage_one_frames": 16,
        "networks__gc": "learned",
        "cloud__max_points": 96,
        "step__latents_after": 0,
        "step__weights__normal": 0.1,
        "step__render__channels": ("rgb", "seg_logit", "normals"),
    }
    return tiny.config(**(values | changes))


@dataclasses.dataclass(frozen=True)
class Run:
    head: pathlib.Path
    data: list[pathlib.Path]
    workdir: pathlib.Path
    traces: int
    shown: list[np.ndarray]  # (devices, B) looks of each step's frames


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A finished run."""
    folder = tmp_path_factory.mktemp("two_stages")
    data = [
        tiny.write_dataset(folder / "me"),
        tiny.write_swapped(folder / "x1", "hair", "ada"),
        tiny.write_swapped(folder / "x2", "nose", "ben"),
    ]
    head = tiny.write_head(folder / "head.npz")
    shown, evaluate, split, traces = [], Step.evaluate, DataParallel.split, []

    def counted(*args):
        traces.append(1)
        return evaluate(*args)

    def watched(self, batch):
        shares = split(self, batch)
        shown.append(shares.look)
        return shares

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Step, "evaluate", counted)
        patch.setattr(DataParallel, "split", watched)
        loop.train(config(), data=data, workdir=folder / "run", head=head)
    return Run(head, data, folder / "run", len(traces), shown)


def test_looks_are_named_by_attribute_and_donor(run):
    assert json.loads((run.workdir / "avatar.json").read_text())["looks"] == ["me", "hair/ada", "nose/ben"]
    assert pj.load(run.workdir).looks == ("me", "hair/ada", "nose/ben")


def test_one_program_shows_one_look_to_a_device_and_all_of_them_over_time(run):
    assert run.traces == 1
    assert all((shares == shares[:, :1]).all() for shares in run.shown)
    looks = np.array([shares[0, 0] for shares in run.shown])
    assert not looks[:8].any() and set(looks[8:].tolist()) == {OWN, ADA, BEN}


def test_the_normal_loss_has_its_pictures_in_the_second_stage_alone(run):
    entries = [json.loads(line) for line in (run.workdir / "metrics.jsonl").read_text().splitlines()]
    assert [entry["normal"] > 0 for entry in entries] == [False, False, True, True, True, True]


def test_a_hair_code_changes_the_picture_and_no_other_slot(run):
    avatar = pj.load(run.workdir)
    filmed, ada, ben = (avatar.latent(name) for name in avatar.looks)
    assert {name for name in CATEGORIES if not np.array_equal(filmed[name], ada[name])} == {"hair"}
    assert {name for name in CATEGORIES if not np.array_equal(filmed[name], ben[name])} == {"nose"}
    dataset = read_dataset(run.data[0])
    frame = (pj.FlameParams(avatar.betas, dataset.expression[0], dataset.pose[0]), dataset.camera(0))
    images = [np.asarray(avatar.render(*frame, latent=latent).image) for latent in (filmed, ada, ben)]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert np.abs(images[one] - images[other]).max() > 0.02


def test_sheets_of_the_second_stage_have_a_row_for_each_look(run):
    heights = [pictures.header(path).size[0] for path in sorted((run.workdir / "figures").iterdir())]
    assert [height - heights[0] for height in heights] == [0, 2 * (tiny.SIDE + 4), 2 * (tiny.SIDE + 4)]


def test_an_interrupted_second_stage_continues_to_the_very_same_numbers(run, tmp_path, monkeypatch):
    class Interrupted(Exception):
        pass

    def interrupt(*args, looks, **options):
        if len(looks) > 1 and int(args[2].frames_seen) >= 32:
            raise Interrupted

    options = {"data": run.data, "workdir": tmp_path / "run", "head": run.head}
    with monkeypatch.context() as patch:
        patch.setattr(figures, "held_out_sheet", interrupt)
        with pytest.raises(Interrupted):
            loop.train(config(), **options)
    assert checkpoint.read_newest(tmp_path / "run")["frames_seen"] == 32
    loop.train(config(), **options)
    resumed, straight = checkpoint.read_newest(tmp_path / "run"), checkpoint.read_newest(run.workdir)
    for name in straight:
        np.testing.assert_array_equal(resumed[name], straight[name], err_msg=name)


def test_other_folders_do_not_continue_the_run(run):
    with pytest.raises(UserError, match="was made with another config: data was"):
        loop.train(config(), data=run.data[:2], workdir=run.workdir, head=run.head)


@pytest.fixture(scope="module")
def steps(run):
    """States after steps on frames of the given looks, one step each, and the codes before them."""
    datasets = [read_dataset(folder) for folder in run.data]
    settings = with_looks(from_config(config()), ("hair", "nose"), swapped=run.data[1:])
    videos = loop.load_videos(datasets, settings)
    model = loop.make_model(settings, load_head(run.head), videos, betas=tiny.BETAS)
    state = initial_state(model, overlaps_per_point=settings.overlaps_per_point)
    parallel = DataParallel(jax.devices()[:1])
    step = parallel.wrap(Step(model, 0, True, settings.overlaps_per_point))

    def after(*looks):
        states = [state]
        for look in looks:
            rows = np.flatnonzero(videos.train.look == look)[:2]
            batch = parallel.split(videos.train.batch(rows))
            moved, _ = step(parallel.replicate(states[-1]), batch, parallel.replicate(model.constants))
            states.append(parallel.unreplicate(moved))
        return [(codes(one, "base"), codes(one, "looks")) for one in states]

    return after


def codes(state, name: str) -> np.ndarray:
    return np.asarray(state.params.networks["latents"][name][...])


def moved(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    return np.abs(after - before).max(axis=1) > 0


def test_codes_move_only_in_steps_that_show_them(steps):
    (base0, looks0), (base1, looks1), (base2, looks2), (base3, looks3) = steps(ADA, BEN, OWN)
    np.testing.assert_array_equal(moved(looks0, looks1), [True, False])
    np.testing.assert_array_equal(moved(looks1, looks2), [False, True])
    np.testing.assert_array_equal(moved(looks2, looks3), [False, False])
    slots = np.arange(len(CATEGORIES))
    np.testing.assert_array_equal(moved(base0, base1), slots != HAIR)
    np.testing.assert_array_equal(moved(base1, base2), slots != NOSE)
    assert moved(base2, base3).all()


def test_a_traced_look_wears_what_its_number_says(run):
    avatar = pj.load(run.workdir)
    table = avatar.networks.latents
    traced = jax.jit(lambda look: avatar.networks.latents.latent(look))
    for number in range(3):
        plain = table.latent(number)
        assert all(np.array_equal(traced(jnp.int32(number))[name], plain[name]) for name in CATEGORIES)
    assert np.array_equal(table.latent(ADA)["hair"], table.looks[...][0])
