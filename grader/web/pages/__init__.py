"""HTML pages, one module per role or purpose; templates/ and static/ stand beside this folder."""
