"""google.colab.auth: nobody signs in from here."""

from google.colab._say import say_unavailable


def authenticate_user(*_arguments: object, **_options: object) -> None:
    say_unavailable("google.colab.auth")


authenticate_service_account = authenticate_user
