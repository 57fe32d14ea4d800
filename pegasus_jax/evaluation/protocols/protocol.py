"""What every protocol has."""

import typing

from pegasus_jax.errors import UserError
from pegasus_jax.evaluation.subject import Subject
from pegasus_jax.evaluation.tables import Table


class Protocol(typing.Protocol):
    """A frozen dataclass: its fields are the settings."""

    def measure(self, subject: Subject) -> dict[str, Table]:
        """Tables by short names; the same names and naming columns for every subject."""
        ...


def check_counts(protocol: Protocol, *names: str) -> None:
    """Raises:
    UserError: one of these settings is below 1.
    """
    for name in names:
        value = getattr(protocol, name)
        if value < 1:
            raise UserError(f"--config.{name} must be 1 or more; got {value}.")
