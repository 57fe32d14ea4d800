import numpy as np
import pytest

from pegasus_jax.demo import hair, hats
from pegasus_jax.demo.people import CAST, linear_rgb, person
from pegasus_jax.errors import UserError
from pegasus_jax.flame import builtin_head


def test_the_cast_is_varied():
    styles = {p.hair.style for p in CAST.values()}
    assert styles == set(hair.STYLES) and len(styles) >= 4
    assert {p.hat.style for p in CAST.values() if p.hat} == set(hats.STYLES)
    shapes = [np.asarray(builtin_head().shapedirs) @ p.shape for p in CAST.values()]
    for k, shape in enumerate(shapes):
        for other in shapes[:k]:
            assert np.linalg.norm(shape - other, axis=-1).max() > 0.02  # head units: 5 mm


def test_colours_are_linear():
    np.testing.assert_allclose(linear_rgb("#ff0080"), [1.0, 0.0, (128 / 255) ** 2.2], rtol=1e-6)


def test_an_unknown_name_is_named():
    with pytest.raises(UserError, match="Nobody in the cast is called 'zoe'; there are ada"):
        person("zoe")
