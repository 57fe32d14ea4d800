"""The slots of latents."""

import pytest

from pegasus_jax.core.latents import CATEGORIES, PERSE_CATEGORIES, check_slots
from pegasus_jax.errors import UserError


def test_a_category_without_a_slot_is_named_with_those_that_have_one():
    check_slots(("hair", "nose"), CATEGORIES)
    check_slots(("beard",), PERSE_CATEGORIES)
    with pytest.raises(UserError, match="no slot for beard: it has identity, ears"):
        check_slots(("hair", "beard"), CATEGORIES)
