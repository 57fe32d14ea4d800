import numpy as np
import pytest

from pegasus_jax.errors import UserError
from pegasus_jax.flame import load_head
from pegasus_jax.flame.ict import build_head, install


def test_the_head_loads_and_its_notice_lies_beside_it(head_file):
    head = load_head(head_file)
    assert head.name == "ict_head" and head.num_vertices == 8262
    assert len(head.mediapipe_indices) == 468 and head.iris is not None and head.contour is not None
    notice = head_file.with_name("ict_head.LICENSE.txt").read_text()
    assert "Copyright (c) 2020 USC Institute for Creative Technologies" in notice and "AS IS" in notice
    with np.load(head_file) as arrays:
        assert str(arrays["meta_licence_text"]) == notice
    assert head_file.stat().st_size < 10e6


def test_a_head_that_is_there_is_not_fetched_again(head_file):
    assert build_head(folder=head_file.parent) == head_file


def test_a_failure_leaves_nothing(copy, tmp_path):
    with pytest.raises(UserError, match=r"jawOpen\.obj is truncated, changed or of another version"):
        build_head(copy.folder, folder=tmp_path / "out", hashes=copy.hashes | {"jawOpen.obj": "0" * 64})
    assert not (tmp_path / "out").exists()


def test_an_older_or_damaged_head_is_no_current_one(tmp_path):
    head = tmp_path / install.HEAD_FILE
    assert not install._is_current(head)
    head.write_bytes(b"PK broken")
    assert not install._is_current(head)
    np.savez(head, meta_name="ict_head")
    assert not install._is_current(head)
