"""Fetches MediaPipe's models and those of metrics, builds the open head model, and says how to get FLAME."""

from typing import Any

from absl import flags

from pegasus_jax.commands.folders import define_path
from pegasus_jax.errors import UserError

_HEADS = """
Head models
  The open head is made from ICT-FaceKit (MIT licence): python launch.py assets --head=ict
  FLAME 2023 Open (CC-BY-4.0): register at https://flame.is.tue.mpg.de, download it, and name its .pkl by --head=…
  or in $FLAME_PATH. Other FLAME files (2020, 2023) work too; their licences are for non-commercial research.
  The built-in head needs no download: enough for the demo and the tests, but too stylised to fit real video well."""


def define_flags(flag_values: flags.FlagValues) -> None:
    """Defines the flags of `assets`."""
    into: dict[str, Any] = {"flag_values": flag_values}
    flags.DEFINE_enum("head", None, ["ict"], "also build this head model: ict, from ICT-FaceKit.", **into)
    flags.DEFINE_bool("metrics", False, "also fetch torchvision's AlexNet and VGG16 for LPIPS, 760 MB.", **into)
    define_path("from", None, "a copy of ICT-FaceKit, folder or .zip; fetched without it.", **into)


def run(flag_values: flags.FlagValues) -> None:
    """Calls `pegasus_jax.flame.ict.build_head` and `pegasus_jax.evaluation.trunk_files.find_trunk` if asked to.

    Then `pegasus_jax.capture.model_files.find_model`.
    """
    origin = flag_values["from"].value
    if origin and not flag_values.head:
        raise UserError("--from says where to take a head model from; say which by --head=ict.")
    if flag_values.head:
        from pegasus_jax.flame import ict

        print(f"Head model of ICT-FaceKit (MIT; the notice is beside it)\n  {ict.build_head(origin)}", flush=True)
    if flag_values.metrics:
        _find_metrics()
    from pegasus_jax.capture import model_files

    print("MediaPipe models (Apache-2.0)")
    for name in sorted(model_files.URLS):
        print(f"  {model_files.find_model(name)}")
    print(_HEADS)


def _find_metrics() -> None:
    from pegasus_jax.evaluation import trunk_files, weights

    print("Trunks of LPIPS (torchvision's weights, BSD-3-Clause), and its linear weights (BSD-2-Clause)")
    for net in trunk_files.NETS:
        print(f"  {trunk_files.find_trunk(net)}", flush=True)
        heads = weights.linear_weights(net)
        print(f"  {heads or 'linear weights: not here; pip install --no-deps lpips'}", flush=True)
