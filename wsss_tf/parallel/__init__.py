"""Work that goes image by image, on processes or on a Dask cluster."""
