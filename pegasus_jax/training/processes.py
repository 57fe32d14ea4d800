"""The processes of one run, one or several per host: how they find each other and what they tell each other.

What they tell goes through the key-value store that JAX's coordinator keeps in process 0. JAX has no public name for
it; orbax reaches it the same way.
"""

import json
import socket
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from jax._src import distributed
from jax.experimental import multihost_utils

from pegasus_jax.errors import UserError

_WAIT_SECONDS = 300
_LEAVE_SECONDS = 30
_sent: dict[str, int] = {}


def join(
    coordinator_address: str | None = None,
    num_processes: int | None = None,
    process_id: int | None = None,
    *,
    wait_seconds: int = _WAIT_SECONDS,
) -> None:
    """Makes this process one of several, before JAX computes anything.

    Without arguments JAX looks for a cluster that it knows (Slurm, GKE, Cloud TPU, Open MPI); where there is none, this
    process stays alone.

    Raises:
        UserError: only some of the arguments are given; a process did not come; the address cannot be reached.
    """
    given = (coordinator_address, num_processes, process_id)
    if None in given and given != (None, None, None):
        raise UserError(
            "--coordinator_address, --num_processes and --process_id belong together; give all three, or none where "
            "JAX knows the cluster."
        )
    if coordinator_address is not None and ":" not in coordinator_address:
        raise UserError(f"--coordinator_address={coordinator_address} must be HOST:PORT, of the host of process 0.")
    try:
        jax.distributed.initialize(
            coordinator_address,
            num_processes,
            process_id,
            initialization_timeout=wait_seconds,
            shutdown_timeout_seconds=_LEAVE_SECONDS,
        )
    except ValueError as error:
        if coordinator_address is not None:
            raise UserError(f"--process_id={process_id} of --num_processes={num_processes}: {error}") from error
    except jax.errors.JaxRuntimeError as error:
        where = coordinator_address or distributed.global_state.coordinator_address
        raise UserError(
            f"Not all {num_processes} processes met at {where} within {wait_seconds} s ({_first_line(error)}); start "
            "each of them once, with an address that all hosts can reach."
        ) from error


def count() -> int:
    """How many processes there are."""
    return distributed.global_state.num_processes


def index() -> int:
    """This process's number."""
    return distributed.global_state.process_id


def is_first() -> bool:
    """Whether this is the process that writes."""
    return index() == 0


def put(key: str, text: str) -> None:
    """Leaves a text for the others, over what was there."""
    _client().key_value_set(key, text, allow_overwrite=True)


def get(key: str) -> str | None:
    """A text that another process left, or None."""
    try:
        return _client().key_value_try_get(key)
    except jax.errors.JaxRuntimeError as error:
        if "NOT_FOUND" in str(error):
            return None
        raise


def exchange(topic: str, text: str) -> list[str]:
    """Everybody's text, by number of the process.

    Raises:
        UserError: one of them says nothing.
    """
    if count() == 1:
        return [text]
    put(f"{topic}/{index()}", text)
    return [_wait(f"{topic}/{number}", number) for number in range(count())]


def from_first(text: str | None) -> str:
    """Process 0's text; those of the others do not matter."""
    if count() == 1:
        return text or ""
    number = _sent["first"] = _sent.get("first", 0) + 1  # all processes call this equally often
    key = f"first/{number}"
    if is_first():
        put(key, text or "")
    return _wait(key, 0)


def arrays_from_first(arrays: Mapping[str, np.ndarray] | None) -> dict[str, np.ndarray]:
    """Process 0's arrays, bit for bit; the others need not know their names, shapes or types before."""
    if count() == 1:
        return dict(arrays or {})
    own = {name: np.asarray(array) for name, array in (arrays or {}).items()}
    labels = json.loads(from_first(json.dumps([(name, a.shape, a.dtype.name) for name, a in own.items()])))
    sizes = [int(np.prod(shape)) * np.dtype(kind).itemsize for _, shape, kind in labels]
    sent = np.concatenate([np.frombuffer(a.tobytes(), np.uint8) for a in own.values()] or [np.zeros(0, np.uint8)])
    data = multihost_utils.broadcast_one_to_all(sent if is_first() else np.zeros(sum(sizes), np.uint8))
    parts = np.split(np.asarray(data), np.cumsum(sizes)[:-1])
    return {
        name: np.frombuffer(part.tobytes(), kind).reshape(shape) for (name, shape, kind), part in zip(labels, parts)
    }


def hostname() -> str:
    """What this host calls itself."""
    return socket.gethostname()


def _client() -> Any:
    return distributed.global_state.client


def _wait(key: str, number: int) -> str:
    try:
        return _client().blocking_key_value_get(key, 1000 * _WAIT_SECONDS)
    except jax.errors.JaxRuntimeError as error:
        raise UserError(
            f"Process {number} of {count()} has said nothing for {_WAIT_SECONDS} s; look at its output."
        ) from error


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
