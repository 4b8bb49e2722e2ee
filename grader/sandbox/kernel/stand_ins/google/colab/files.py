"""google.colab.files: nothing is uploaded, nothing leaves."""

from google.colab._say import say_unavailable


def upload(*_arguments: object, **_options: object) -> dict[str, bytes]:
    say_unavailable("google.colab.files")
    return {}


upload_file = upload


def download(*_arguments: object, **_options: object) -> None:
    say_unavailable("google.colab.files")


view = download
