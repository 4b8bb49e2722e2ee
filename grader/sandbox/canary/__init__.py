"""The canary: a notebook that tries what must not work, run in an ordinary kernel and judged out here."""
