"""Shows an avatar in the browser: turn it, move its face, change its look, play a clip."""

import re
from typing import Any

from absl import flags

from pegasus_jax.commands.folders import define_path
from pegasus_jax.errors import UserError


def define_flags(flag_values: flags.FlagValues) -> None:
    """Defines the flags of `view`."""
    into: dict[str, Any] = {"flag_values": flag_values}
    define_path("workdir", None, "the work folder, or .npz, of an avatar.", required=True, **into)
    define_path("drive", None, "a dataset folder whose motion it can follow.", **into)
    flags.DEFINE_string("live", None, "a webcam's number (0 …), or a video file, whose face it can follow.", **into)
    flags.DEFINE_string("host", "127.0.0.1", "the address to listen on; 0.0.0.0 lets other machines in.", **into)
    flags.DEFINE_string("token", None, 'lets in who knows it; a new one without it; "" lets everybody in.', **into)
    flags.DEFINE_list("allow_origin", [], "names besides localhost that browsers may call this server by.", **into)
    flags.DEFINE_integer("port", 8080, "the first port to try.", lower_bound=1, upper_bound=65535, **into)
    flags.DEFINE_integer(
        "image_size", 512, "rows of the pictures, in pixels.", lower_bound=64, upper_bound=8192, **into
    )


def run(flag_values: flags.FlagValues) -> None:
    """Calls `pegasus_jax.viewer.server.view`."""
    import importlib.util

    if importlib.util.find_spec("viser") is None:
        raise UserError("The viewer needs viser; install it: pip install -e '.[viewer]'")
    if flag_values.token and not re.fullmatch(r"[\w-]+", flag_values.token, re.ASCII):
        raise UserError("--token takes letters, digits, - and _ alone, as it stands in an address.")
    from pegasus_jax.viewer import server

    server.view(
        flag_values.workdir,
        drive=flag_values.drive,
        live=flag_values.live,
        host=flag_values.host,
        port=flag_values.port,
        image_size=flag_values.image_size,
        token=flag_values.token,
        allow_origin=flag_values.allow_origin,
    )
