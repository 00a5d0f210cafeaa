"""The same as `wsss evaluate`; its --help lists the flags."""

import sys

from wsss_tf.commands.main import main

if __name__ == "__main__":
    main(["evaluate", *sys.argv[1:]])
