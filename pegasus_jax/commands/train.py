"""Trains an avatar on dataset folders; run again, it continues from the last checkpoint."""

from typing import Any

from absl import flags

from pegasus_jax.commands.folders import dataset_folders, define_output, define_path


def define_flags(flag_values: flags.FlagValues) -> None:
    """Defines the flags of `train`."""
    into: dict[str, Any] = {"flag_values": flag_values}
    flags.DEFINE_string("config", "configs/laptop.py", "a config file, or file.py:argument.", **into)
    flags.DEFINE_multi_string("set", [], "KEY=VALUE changes the config; so does --config.KEY=VALUE.", **into)
    flags.DEFINE_multi_string("data", None, "dataset folders, comma-separated; patterns too.", required=True, **into)
    define_output("workdir", None, "the work folder of this run.", required=True, **into)
    define_path("head", None, "a FLAME .pkl or a head .npz; $FLAME_PATH without it.", **into)
    define_path("vgg_weights", None, "VGG16 weights, .safetensors or .pth, for that loss.", **into)
    flags.DEFINE_bool("deterministic", False, "bit-equal on any number of devices; slower.", **into)
    flags.DEFINE_float("cache_gib", 4.0, "memory for decoded frames, GiB; others are decoded each time.", **into)
    flags.DEFINE_string("coordinator_address", None, "HOST:PORT of process 0, in a run of several.", **into)
    flags.DEFINE_integer("num_processes", None, "how many processes the run has.", **into)
    flags.DEFINE_integer("process_id", None, "which of them this one is, from 0.", **into)


def set_up(flag_values: flags.FlagValues) -> None:
    """Joins the other processes, before JAX looks for devices."""
    from pegasus_jax import devices, processes

    if flag_values.deterministic:
        devices.make_deterministic()
    processes.join(flag_values.coordinator_address, flag_values.num_processes, flag_values.process_id)


def run(flag_values: flags.FlagValues) -> None:
    """Calls `pegasus_jax.training.train`."""
    from pegasus_jax.config import load_config

    config = load_config(flag_values.config, overrides=flag_values.set)
    data = dataset_folders(flag_values.data)
    from pegasus_jax import training  # after the checks: a misspelt flag is answered at once

    training.train(
        config,
        data=data,
        workdir=flag_values.workdir,
        head=flag_values.head,
        vgg_weights=flag_values.vgg_weights,
        deterministic=flag_values.deterministic,
        cache_gib=flag_values.cache_gib,
    )
