"""`python -m pegasus_jax COMMAND --flags`, as `launch.py` and the console script `pegasus-jax`."""

from pegasus_jax.launcher import run_console

if __name__ == "__main__":
    run_console()
