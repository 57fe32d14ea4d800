"""Reading pickles of arrays without running what is in them.

FLAME's files are Python 2 pickles that name NumPy's, SciPy's and chumpy's classes; some landmark files of the field
hold a few of PyTorch's tensors.
"""

import io
import os
from typing import Any

import numpy as np

from pegasus_jax.errors import UserError
from pegasus_jax.untrusted import files, pickles
from pegasus_jax.untrusted.limits import Budget
from pegasus_jax.untrusted.torch_pickles import TensorBuilder


def load_arrays(data: bytes, *, source: str) -> dict[str, Any]:
    """The dict of arrays pickled in `data`, as arrays that may not be written to; other plain values are kept.

    Raises:
      UserError: `data` (named `source`) calls anything, is no pickle, holds no dict, or would take too much memory.
    """
    budget = Budget(len(data), source=source)
    builder = TensorBuilder(budget)
    try:
        parsed = pickles.parse(io.BytesIO(data), admitted=builder.admitted, encoding="latin1", budget=budget)
    except pickles.Refused as refused:
        raise _refusal(refused, source) from refused
    except UserError:
        raise
    except Exception as error:  # a damaged pickle can raise nearly anything
        raise UserError(f"{source} is not a readable pickle ({_said(error)}); fetch it again.") from error
    try:
        content = builder.build(parsed)
        content = content.item() if isinstance(content, np.ndarray) and content.shape == () else content
    except pickles.Refused as refused:
        raise _refusal(refused, source) from refused
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"{source} holds a damaged array ({_said(error)}); fetch it again.") from error
    if not isinstance(content, dict):
        raise UserError(f"{source} holds no named arrays; give a FLAME file.")
    return {str(name): value for name, value in content.items()}


def read_arrays(path: str | os.PathLike[str]) -> dict[str, Any]:
    """`load_arrays` of the file `path`."""
    return load_arrays(files.read_bytes(path), source=os.fspath(path))


def _refusal(refused: pickles.Refused, source: str) -> UserError:
    return UserError(
        f"{source} wants to run {refused}, which a file of arrays never needs: it was not opened; "
        "get the file from its publisher."
    )


def _said(error: Exception) -> str:
    return files.said(f"{error}" or type(error).__name__)
