"""How processes find each other; what they do together, tests/training/test_layouts.py tests."""

import numpy as np
import pytest

from pegasus_jax import processes
from pegasus_jax.errors import UserError


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (("127.0.0.1:1", None, None), "belong together; give all three, or none"),
        (("127.0.0.1", 2, 0), r"--coordinator_address=127\.0\.0\.1 must be HOST:PORT"),
        (("127.0.0.1:1", 2, 2), "--process_id=2 must be one of 0 to 1, as --num_processes=2"),
    ],
)
def test_flags_that_do_not_fit_are_one_sentence(arguments, sentence):
    with pytest.raises(UserError, match=sentence):
        processes.join(*arguments)


def test_a_process_alone_is_the_first_and_talks_to_itself(monkeypatch):
    for name in ("SLURM_JOB_ID", "OMPI_MCA_orte_hnp_uri"):
        monkeypatch.delenv(name, raising=False)
    processes.join(None, None, None)
    assert processes.count() == 1 and processes.is_first()
    assert processes.exchange("topic", "text") == ["text"] and processes.from_first("text") == "text"
    arrays = {"a": np.arange(3.0)}
    assert processes.arrays_from_first(arrays)["a"] is arrays["a"] and processes.arrays_from_first(None) == {}
