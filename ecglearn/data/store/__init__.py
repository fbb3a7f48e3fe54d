"""A data set prepared once: signals memory-mapped, everything refused with its reason."""
