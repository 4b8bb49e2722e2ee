"""From uploaded bytes to a notebook that is safe to run, and what can be read in it without running it."""
