"""The same as `wsss run`; its --help lists the flags."""

import sys

from wsss_tf.commands.main import main

if __name__ == "__main__":
    main(["run", *sys.argv[1:]])
