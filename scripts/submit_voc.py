"""The same as `wsss submit`; its --help lists the flags."""

import sys

from wsss_tf.commands.main import main

if __name__ == "__main__":
    main(["submit", *sys.argv[1:]])
