"""The figures of the thesis, drawn from finished runs."""
