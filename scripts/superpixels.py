"""The same as `wsss superpixels`; its --help lists the flags."""

import sys

from wsss_tf.commands.main import main

if __name__ == "__main__":
    main(["superpixels", *sys.argv[1:]])
