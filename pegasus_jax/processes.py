"""The processes of one run, one or several per host: how they find each other and what they tell each other.

What they tell goes through the key-value store that JAX's coordinator keeps in process 0. JAX has no public name for
it; orbax reaches it the same way. Nor has it one for looking for a cluster without having to be in one.
"""

import contextlib
import itertools
import json
import os
import re
import socket
import sys
import threading
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from jax._src import clusters, distributed
from jax.experimental import multihost_utils

from pegasus_jax.errors import UserError

_WAIT_SECONDS = 300
_LEAVE_SECONDS = 30
_KNOCK_SECONDS = 5
_numbers = itertools.count()  # all processes draw from theirs equally often


def join(
    coordinator_address: str | None,
    num_processes: int | None,
    process_id: int | None,
    *,
    wait_seconds: int = _WAIT_SECONDS,
) -> None:
    """Makes this process one of several, before JAX computes anything.

    Where all three are None, JAX looks for a cluster that it knows (Slurm, GKE, Cloud TPU, Open MPI); without one, or
    with only one process in it, this one stays alone.

    Raises:
        UserError: only some of the arguments are given, or they do not fit. If not all processes come in time, this one
            ends with a sentence and status 2.
    """
    address, number_of, own, devices = coordinator_address, num_processes, process_id, None
    if address is number_of is own is None:
        detect = clusters.ClusterEnv.auto_detect_unset_distributed_params
        address, number_of, own, devices = detect(None, None, None, None, None, wait_seconds)
        if address is None or number_of in (None, 1):
            return
    address, number_of, own = _checked(address, number_of, own)
    patience = threading.Timer(wait_seconds, _gave_up, (address, number_of, wait_seconds))
    patience.start()
    jax.distributed.initialize(
        address,
        number_of,
        own,
        devices,
        initialization_timeout=2 * wait_seconds,
        shutdown_timeout_seconds=_LEAVE_SECONDS,
    )
    patience.cancel()


def _gave_up(address: str, number_of: int, seconds: float) -> None:
    """Ends the process, as JAX would do without a sentence: its waiting cannot be interrupted."""
    print(
        f"Not all {number_of} processes met at {address} within {seconds:.0f} s; start each of them once, with an "
        "address that all hosts can reach.",
        file=sys.stderr,
        flush=True,
    )
    os._exit(2)


def _checked(address: str | None, number_of: int | None, own: int | None) -> tuple[str, int, int]:
    if address is None or number_of is None or own is None:
        raise UserError(
            "--coordinator_address, --num_processes and --process_id belong together; give all three, or none where "
            "JAX knows the cluster."
        )
    if not re.fullmatch(r".+:\d+", address):
        raise UserError(f"--coordinator_address={address} must be HOST:PORT, of the host of process 0.")
    if not 0 <= own < number_of:
        raise UserError(f"--process_id={own} must be one of 0 to {number_of - 1}, as --num_processes={number_of}.")
    return address, number_of, own


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
    key = f"first/{next(_numbers)}"
    if is_first():
        put(key, text or "")
    return _wait(key, 0)


def wait_for_all() -> None:
    """Returns when every process has called it.

    Raises:
        UserError: one of them does not come.
    """
    if count() == 1:
        return
    try:
        _client().wait_at_barrier(f"all/{next(_numbers)}", 1000 * _WAIT_SECONDS)
    except jax.errors.JaxRuntimeError as error:
        raise UserError(f"Some of the {count()} processes have not come this far: {error}") from error


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


def coordinator_answers() -> bool:
    """Whether somebody listens where process 0 should."""
    host, _, port = (distributed.global_state.coordinator_address or "").rpartition(":")
    with contextlib.suppress(OSError), socket.create_connection((host.strip("[]"), int(port)), timeout=_KNOCK_SECONDS):
        return True
    return False


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
