import numpy as np
import pytest

from pegasus_jax.flame import lbs, load_head
from pegasus_jax.flame.ict import build_head


def test_the_head_loads_and_its_notice_lies_beside_it(head_file):
    head = load_head(head_file)
    assert head.name == "ict_head" and head.num_vertices == 8262
    assert len(head.mediapipe_indices) == 468 and head.iris is not None
    notice = head_file.with_name("ict_head.LICENSE.txt").read_text()
    assert "Copyright (c) 2020 USC Institute for Creative Technologies" in notice and "AS IS" in notice
    assert str(np.load(head_file)["meta_licence_text"]) == notice
