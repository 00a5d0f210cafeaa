"""The same as `wsss compare`; its --help lists the flags."""

import sys

from wsss_tf.commands.main import main

if __name__ == "__main__":
    main(["compare", *sys.argv[1:]])
