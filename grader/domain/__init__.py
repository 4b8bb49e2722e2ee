"""The nouns of grading: frozen dataclasses and enumerations, standard library only."""
