"""Runs notebooks of strangers: bubblewrap around a fork server, one single-use kernel per run, nbclient driving it."""
