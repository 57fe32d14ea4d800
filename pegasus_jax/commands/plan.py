"""Plans all jobs from many videos to one generative avatar, or does what is missing of such a plan."""

from typing import Any

from absl import flags

from pegasus_jax.commands.folders import define_output, define_path, existing
from pegasus_jax.errors import UserError

COMPUTES = False  # its jobs do, in processes of their own: the device is left to them


def define_flags(flag_values: flags.FlagValues) -> None:
    """Defines the flags of `plan`."""
    into: dict[str, Any] = {"flag_values": flag_values}
    define_path("target", None, "the person who gets an avatar: a video or a dataset folder.", **into)
    flags.DEFINE_multi_string("donors", [], "who lends: videos, dataset folders or avatars; patterns too.", **into)
    flags.DEFINE_list("attributes", "hair", "what each of them lends, such as hair,nose.", **into)
    define_output("out", None, "the .json to write; data/ and runs/ will be beside it.", **into)
    flags.DEFINE_string("config", "configs/laptop.py:generative", "config of the target's avatar.", **into)
    flags.DEFINE_string("donor_config", "configs/laptop.py", "config of the donors' avatars.", **into)
    define_path("head", None, "a FLAME .pkl or a head .npz, for all jobs; $FLAME_PATH without it.", **into)
    define_path("run", None, "a .json made before: do what is missing of it.", **into)
    flags.DEFINE_bool("trust", False, "with --run: run configs that are not the project's; they are programs.", **into)
    flags.DEFINE_integer("array_index", 0, "of the jobs, which share is this process's, from 0.", **into)
    flags.DEFINE_integer("array_size", 1, "into how many shares the jobs are divided.", **into)


def run(flag_values: flags.FlagValues) -> None:
    """Calls `pegasus_jax.plan.write_plan` or `run_plan`."""
    named = {"target": flag_values.target, "donors": flag_values.donors, "out": flag_values.out}
    if flag_values.run:
        if any(named.values()):
            raise UserError("plan takes either --run or --target, --donors and --out.")
        from pegasus_jax import plan

        return plan.run_plan(
            flag_values.run,
            array_index=flag_values.array_index,
            array_size=flag_values.array_size,
            device=flag_values.device,
            trust=flag_values.trust,
        )
    missing = [f"--{name}" for name, value in named.items() if not value]
    if missing:
        raise UserError(f"plan: please give {' and '.join(missing)}, or --run.")
    target, out = flag_values.target, flag_values.out
    donors = [path for path in existing(flag_values.donors, flag="donors") if path.resolve() != target.resolve()]
    from pegasus_jax import plan
    from pegasus_jax.config import is_own

    options = plan.Options(
        attributes=flag_values.attributes,
        config=flag_values.config,
        donor_config=flag_values.donor_config,
        head=flag_values.head,
    )
    entries = plan.write_plan(out, target=target, donors=donors, options=options)
    trust = "" if is_own(options.config) and is_own(options.donor_config) else " --trust"
    print(f"{len(entries)} jobs in {out}; python launch.py plan --run={out}{trust} does them.")
