"""What a command was given as --model and arguments → the model, and the arguments left."""

from marrowscope.cli.lazy_group import say_renamed
from marrowscope.errors import InputError


def model_and_rest(command: str, model: str | None, given: list[str]) -> tuple[str, list[str]]:
    """The model to use, and what is to be worked on.

    The former form ``COMMAND BUNDLE IMAGE...`` is recognized by its first argument, which is a
    bundle folder or the name of a shipped model and no file or folder of images.

    Raises:
        InputError: a bundle is all that was given.
    """
    from marrowscope.models import DEFAULT_MODEL
    from marrowscope.models.bundle import is_bundle

    if model is not None or not is_bundle(given[0]):
        return model or DEFAULT_MODEL, given
    bundle, *rest = given
    if not rest:
        raise InputError(f"{bundle}: is a model; name what to {command}, after --model {bundle}")
    say_renamed(f"{command} {bundle} …", f"'{command} … --model {bundle}'")
    return bundle, rest
