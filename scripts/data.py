"""The same as `wsss data`; its --help lists the flags."""

import sys

from wsss_tf.commands.main import main

if __name__ == "__main__":
    main(["data", *sys.argv[1:]])
