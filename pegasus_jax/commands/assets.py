"""Fetches MediaPipe's models and says how to get the FLAME head model."""

from absl import flags

_FLAME = """
Head models
  FLAME 2023 Open (CC-BY-4.0) is the one to get: register at https://flame.is.tue.mpg.de, download it, and
  name its .pkl by --head=… or in $FLAME_PATH. Other FLAME files (2020, 2023) work too; their licences are for
  non-commercial research. The built-in head needs no download: enough for the demo and the tests, but too
  stylised to fit real video well."""


def define_flags(flag_values: flags.FlagValues) -> None:
    """Defines no flags: there is nothing to choose."""


def run(flag_values: flags.FlagValues) -> None:
    """Finds or fetches each model file by `pegasus_jax.capture.model_files.find_model`."""
    from pegasus_jax.capture import model_files

    print("MediaPipe models (Apache-2.0)")
    for name in sorted(model_files.URLS):
        print(f"  {model_files.find_model(name)}")
    print(_FLAME)
