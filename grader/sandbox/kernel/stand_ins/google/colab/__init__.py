"""Stands in for Google Colab's helpers: says that they are not available here and goes on."""

from google.colab import auth, drive, files, output, runtime, userdata

__all__ = ["auth", "drive", "files", "output", "runtime", "userdata"]
