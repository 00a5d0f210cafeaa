"""The same as `wsss export`; its --help lists the flags."""

import sys

from wsss_tf.commands.main import main

if __name__ == "__main__":
    main(["export", *sys.argv[1:]])
