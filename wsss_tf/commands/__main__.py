"""`python -m wsss_tf.commands`: the same as `wsss`."""

from wsss_tf.commands.main import main

if __name__ == "__main__":
    main()
