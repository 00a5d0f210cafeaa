"""The same as `wsss figures`; its --help lists the flags."""

import sys

from wsss_tf.commands.main import main

if __name__ == "__main__":
    main(["figures", *sys.argv[1:]])
