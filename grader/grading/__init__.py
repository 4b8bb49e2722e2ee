"""Comparing and scoring: same input, same output; no clock, disk or network."""
