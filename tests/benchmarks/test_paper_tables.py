"""Tables shaped like the paper's, of tiny avatars."""

import pytest

from pegasus_jax.data import read_dataset
from pegasus_jax.evaluation.protocols.generative import Generative
from pegasus_jax.evaluation.weights import NotComputed
from tests.training import tiny

TITLES = [
    "Main table 1: a transferred attribute",
    "Main table 2: unseen codes",
    "Main table 3: offsets",
    "Supplement table 1: consistency",
]
SMALL = {"frames": 2, "image_size": 24, "generative": Generative(pairs=1, steps=2, samples=1, poses=1, image_size=24)}


@pytest.fixture
def named(subject):
    import cast_runs

    return cast_runs.Named(
        target=str(subject.run),
        data=[str(clip.folder) for clip in subject.clips],
        attribute="hair",
        methods={"Ours_person-gen": str(subject.run), "Ours_swap + PA": f"hair/ada:{subject.run}"},
        no_synthesis=str(subject.run),
        ablation=[str(subject.run)],
    )


def test_they_are_filled_beside_the_published_figures_and_the_same_twice(named, no_weights):
    import paper_tables

    first, second = (paper_tables.tables(paper_tables._runs(named), **SMALL) for _ in range(2))
    assert list(first) == TITLES
    assert first == second, "to the bit, on one machine"
    hair, codes, offsets, consistency = ({row.names[0]: row.figures for row in table.rows} for table in first.values())
    assert hair["DELTA"] == {"published fid": 198.4, "published kid": 0.1797, "published arcface": 0.6732}
    ours = hair["Ours_person-gen"]
    assert ours["looks"] == 2 and ours["pictures"] == 4 and isinstance(ours["fid"], NotComputed)
    assert hair["Ours_swap + PA"]["looks"] == 1 and ours["published fid"] == 190.1
    assert codes["synthesis, latent interpolation"]["looks"] == 2
    assert codes["no synthesis, latent swap"]["looks"] == 2 and "synthesis, latent sampling" in codes
    assert offsets["no gc, sc"]["psnr"] > 0 and offsets["gc, sc"] == {
        "published psnr": 21.75,
        "published ssim": 0.9059,
        "published lpips": 0.1291,
    }
    assert consistency["Ours_person-gen"]["masked_l2"] == pytest.approx(consistency["Ours_swap + PA"]["masked_l2"]), (
        "hair/ada is the one look that a clip shows"
    )


def test_the_page_names_command_date_and_hardware(named, no_weights, tmp_path, monkeypatch):
    import paper_tables

    monkeypatch.setattr(paper_tables, "tables", lambda runs, **sizes: {})
    words = [f"--target={named.target}", f"--data={named.data[0]}", f"--out={tmp_path / 'tables.md'}"]
    monkeypatch.setattr("sys.argv", ["benchmarks/paper_tables.py", *words])
    paper_tables.main()
    page = (tmp_path / "tables.md").read_text()
    assert f"python benchmarks/paper_tables.py --target={named.target}" in page
    assert "JAX" in page and "24 held-out frames at 256 pixels" in page and "pairs 4" in page


def test_a_demos_runs_are_found_where_they_are(tmp_path):
    import cast_runs

    demo, ablations = tmp_path / "demo", tmp_path / "ablations"
    star = str(demo / "runs" / "ben")
    named = cast_runs.of_demo(demo, None)
    assert named.target == star and named.ablation == [star] and named.methods == {"Ours_person-gen": star}
    for run in (demo / "tables" / "zero_shot_ada", *(ablations / "runs" / name for name in ("alone", "gc_off"))):
        run.mkdir(parents=True)
    named = cast_runs.of_demo(demo, ablations)
    assert named.methods["Ours_zero-shot"] == f"hair/ada:{demo}/tables/zero_shot_ada"
    assert (named.target, named.ablation) == (str(ablations / "runs" / "alone"), [str(ablations / "runs" / "gc_off")])
    assert named.no_synthesis is None


def test_a_part_swapped_folder_passes_for_a_filmed_one(tmp_path):
    import cast_runs

    swapped = tiny.write_swapped(tmp_path / "swapped", "hair", "ada")
    filmed = read_dataset(cast_runs.as_filmed(swapped, tmp_path / "filmed"))
    assert filmed.synthesis is None and len(filmed) == tiny.NUM_FRAMES and "hair" in filmed.part_names
    assert read_dataset(swapped).look == "hair/ada"
