"""Jobs: shares of them, and what becomes of each."""

import fcntl
import functools
import pathlib

import pytest

from pegasus_jax import jobs
from pegasus_jax.errors import UserError


def job(folder: pathlib.Path, name: str, *after: str) -> jobs.Job:
    """Makes a file; "bad" cannot be made."""
    out = folder / name

    def do() -> None:
        if name == "bad":
            raise UserError("it is bad.")
        out.touch()

    return jobs.Job(out, out.exists, do, tuple(folder / other for other in after))


def test_chains_stay_together_and_others_are_dealt_out(tmp_path):
    make = functools.partial(job, tmp_path)
    found = [make("a"), make("b"), make("a1", "a"), make("c"), make("b1", "a", "b"), make("a2", "a1"), make("d")]
    shares = [[one.out.name for one in jobs.share(found, array_index=index, array_size=3)] for index in range(3)]
    assert shares == [["a", "a1", "a2", "d"], ["b", "b1"], ["c"]]
    for index, size in ((3, 3), (-1, 2), (0, 0)):
        with pytest.raises(UserError, match=rf"--array_index={index} must be one of 0 to .*--array_size={size}"):
            jobs.share(found, array_index=index, array_size=size)


def test_a_mistake_stops_what_needs_it_and_nothing_else(tmp_path, capsys):
    make = functools.partial(job, tmp_path)
    found = [make("a"), make("bad", "a"), make("next", "bad"), make("last", "a")]
    with pytest.raises(UserError) as told:
        jobs.run(found)
    assert str(told.value) == f"{tmp_path}/bad: it is bad."
    assert f"{tmp_path}/next: waits for {tmp_path}/bad; run it again when that is done\n" in capsys.readouterr().out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "last"], "no lock is left"
    (tmp_path / "bad").touch()
    jobs.run(found)
    assert (tmp_path / "next").exists() and capsys.readouterr().out.count("done before") == 3


def test_what_another_process_is_at_is_left_to_it(tmp_path, capsys):
    with (tmp_path / ".a.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        jobs.run([job(tmp_path, "a")])
    assert "another process is at it" in capsys.readouterr().out and not (tmp_path / "a").exists()
