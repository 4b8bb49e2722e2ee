"""Words for people: which mistake explains a difference, and which sentence tells it in the reader's language."""
