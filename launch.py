"""The one way in: `python launch.py COMMAND --flags`. Alone it lists the commands; see `pegasus_jax.launcher`."""

import sys

from pegasus_jax.launcher import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
