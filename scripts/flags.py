"""The same as `wsss flags`; its --help lists the flags."""

import sys

from wsss_tf.commands.main import main

if __name__ == "__main__":
    main(["flags", *sys.argv[1:]])
