"""The same as `wsss doctor`; its --help lists the flags."""

import sys

from wsss_tf.commands.main import main

if __name__ == "__main__":
    main(["doctor", *sys.argv[1:]])
