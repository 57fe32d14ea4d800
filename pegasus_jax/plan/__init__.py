"""Whole plans: every job from many people's videos to one avatar that has learned their parts."""

from pegasus_jax.plan.run import run_plan as run_plan
from pegasus_jax.plan.write import Options as Options
from pegasus_jax.plan.write import write_plan as write_plan
