"""A second process that takes a share of the jobs.

On CPUs two trainings at once, each with half of the cores, get on faster than one after the other with all of them:
compiling and much of a step use one core.
"""

import multiprocessing
import os
import sys
from collections.abc import Callable
from typing import Any

import jax

from pegasus_jax import assets, devices
from pegasus_jax.errors import UserError


def with_help(work: Callable[..., None], *arguments: Any) -> None:
    """Calls `work(*arguments)` here and, on CPUs, in a second process at once; returns when all of it is done.

    The work must be jobs that several processes may share (`jobs.run`). What the second process cannot do is tried
    again here, where mistakes are told.

    Raises:
        UserError: as `work` does.
    """
    if jax.default_backend() != "cpu" or (os.cpu_count() or 1) < 2:
        return work(*arguments)
    helper = multiprocessing.get_context("spawn").Process(target=_help, args=(work, arguments), daemon=True)
    helper.start()
    try:
        work(*arguments)
        helper.join()
    finally:
        helper.terminate()  # a training saves what it has
        helper.join()
    if helper.exitcode:
        work(*arguments)


def _help(work: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    devices.use_device("cpu")
    devices.set_up_process(assets.cache_folder())
    try:
        work(*arguments)
    except UserError:
        sys.exit(1)
