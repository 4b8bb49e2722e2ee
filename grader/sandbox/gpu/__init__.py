"""GPUs: which there are, what a cage shows of one, and how much of it a kernel may have."""
