"""Independent pieces of work on Dask workers, here or on other machines; Dask is an extra."""
