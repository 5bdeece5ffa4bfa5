"""The one exception that a user is meant to read."""


class InputError(ValueError):
    """Something the user gave is wrong: file, table, option or bundle.

    The message is one line that names the file or argument, says what was wrong and what to
    do. The command line prints it and exits with 1; Python callers may catch it.
    """


class TableError(InputError):
    """Something in a table is wrong; whoever read the file puts its name in front."""
