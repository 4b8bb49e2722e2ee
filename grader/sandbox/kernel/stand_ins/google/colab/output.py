"""google.colab.output: there is no browser to talk to."""

from IPython.display import clear_output


def clear(*_arguments: object, **_options: object) -> None:
    clear_output()


def eval_js(*_arguments: object, **_options: object) -> None:
    """No browser, no result."""


def enable_custom_widget_manager(*_arguments: object, **_options: object) -> None:
    """No browser, no widgets."""


disable_custom_widget_manager = enable_custom_widget_manager
no_vertical_scroll = enable_custom_widget_manager
register_callback = eval_js
