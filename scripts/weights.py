"""The same as `wsss weights`; its --help lists the flags."""

import sys

from wsss_tf.commands.main import main

if __name__ == "__main__":
    main(["weights", *sys.argv[1:]])
