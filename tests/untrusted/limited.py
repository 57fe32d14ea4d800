"""Runs a snippet in a process of its own that may not take more memory or time than said."""

import resource
import subprocess
import sys

_GIB = 2**30


def run_limited(program: str, *arguments: object, gib: float = 2.0, seconds: int = 60) -> subprocess.CompletedProcess:
    """`program` (Python), with `sys.argv[1:]`; its output is text."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (int(gib * _GIB), int(gib * _GIB)))

    words = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.run(words, preexec_fn=limit, capture_output=True, text=True, timeout=seconds, check=False)
