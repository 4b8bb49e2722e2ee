"""Notebooks and Markdown to HTML that is safe on a page: what people wrote can be read there and does nothing."""
