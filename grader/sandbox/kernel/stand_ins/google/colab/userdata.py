"""google.colab.userdata: no secrets are kept here."""


class SecretNotFoundError(Exception):
    """No secret of that name."""


class NotebookAccessError(Exception):
    """The notebook may not read the secret; never raised here, but caught in notebooks."""


def get(key: str) -> str:
    raise SecretNotFoundError(key)
