"""The back of the head, by name and by geometry."""

import dataclasses

import numpy as np

from pegasus_jax.flame import builtin_head
from pegasus_jax.flame.back_of_head import back_of_head


def test_the_heads_own_region_is_taken():
    head = builtin_head()
    np.testing.assert_array_equal(back_of_head(head), head.regions["back_of_head"])


def test_without_a_name_it_is_what_lies_behind_the_ears():
    head = builtin_head()
    found = back_of_head(dataclasses.replace(head, regions={}))
    assert found[head.regions["back_of_head"]].mean() > 0.85, "all but what lies below the neck joint"
    for name in ("face", "nose", "eyeballs", "mouth_interior"):
        assert not found[head.regions[name]].any(), name
    assert found[head.regions["ears"]].mean() < 0.5
