"""The same as `wsss predict`; its --help lists the flags."""

import sys

from wsss_tf.commands.main import main

if __name__ == "__main__":
    main(["predict", *sys.argv[1:]])
