"""Public data sets: what each holds, how it is laid out, and what to know before using it."""
