"""google.colab.drive: nothing is mounted."""

from google.colab._say import say_unavailable


def mount(*_arguments: object, **_options: object) -> None:
    say_unavailable("google.colab.drive")


def flush_and_unmount(*_arguments: object, **_options: object) -> None:
    """There is nothing to unmount."""
