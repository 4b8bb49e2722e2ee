"""Work that waits for workers."""
