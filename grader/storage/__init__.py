"""The database and the files: what outlives a process."""
