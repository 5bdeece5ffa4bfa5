"""The Python interface, from cell images and slides to tables and reports; see docs/api.md.

The names are exported by ``marrowscope`` itself, which imports these modules when a name is first
used. Commands call the same functions.
"""
