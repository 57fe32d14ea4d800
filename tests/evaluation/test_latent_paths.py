import numpy as np
import pytest

from pegasus_jax.evaluation.latent_paths import path_figures, walk


def grey(place: float) -> np.ndarray:
    return np.full((2, 2, 3), place)


def difference(image: np.ndarray, target: np.ndarray) -> float:
    return np.abs(image - target).mean()


def test_an_even_path_has_its_length_and_no_variance():
    steps = walk(grey, difference, pictures=9)
    assert steps == pytest.approx(np.full(8, 1 / 8))
    figures = path_figures(steps)
    assert figures.ppl == pytest.approx(1.0)
    assert figures.pdv == pytest.approx(0.0, abs=1e-12)


def test_a_jump_of_the_same_length_is_uneven():
    steps = walk(lambda place: grey(float(place > 0.5)), difference, pictures=5)
    figures = path_figures(steps)
    assert steps == pytest.approx([0, 0, 1, 0])
    assert figures.ppl == pytest.approx(1.0)
    assert figures.pdv == pytest.approx(np.mean(np.square(np.array([0, 0, 1, 0]) - 0.25)))
    assert figures.deviation == pytest.approx(np.sqrt(figures.pdv))


def test_each_picture_is_rendered_once():
    places = []
    walk(lambda place: places.append(place) or grey(place), difference, pictures=4)
    assert places == pytest.approx([0, 1 / 3, 2 / 3, 1])


def test_paths_without_steps_are_refused():
    with pytest.raises(ValueError, match="at least two pictures; got 1"):
        walk(grey, difference, pictures=1)
    with pytest.raises(ValueError, match=r"must have shape \(S,\); got \(0,\)"):
        path_figures([])
