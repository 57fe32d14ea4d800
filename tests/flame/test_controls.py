import numpy as np

from pegasus_jax.flame import builtin_head, controls
from tests.heads import random_head


def test_every_slider_moves_numbers_that_exist_and_labels_are_unique():
    for head in (builtin_head(), random_head(100, seed=0)):
        sliders = (*controls.pose_sliders(head), *controls.expression_sliders(head))
        assert len({slider.label for slider in sliders}) == len(sliders)
        for slider in sliders:
            limit = {"pose": 15, "expression": 50}[slider.field]
            assert slider.low < slider.high and all(0 <= index < limit for index in slider.indices)


def test_both_lids_blink_where_the_head_model_has_names():
    blink = controls.pose_sliders(builtin_head())[-1]
    assert [builtin_head().expression_names[index] for index in blink.indices] == ["eyeBlink_L", "eyeBlink_R"]
    assert not any("blink" in slider.label for slider in controls.pose_sliders(random_head(100, seed=0)))


def test_a_slider_starts_where_the_avatar_is_as_far_as_it_goes():
    blink = controls.pose_sliders(builtin_head())[-1]
    for given, expected in ((0.123, 0.12), (-0.4, 0.0), (3.0, 1.0)):
        expression = np.zeros(50)
        expression[list(blink.indices)] = given
        assert controls.value(blink, np.zeros(15), expression) == expected
