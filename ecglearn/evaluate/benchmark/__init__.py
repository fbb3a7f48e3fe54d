"""Every task to every frozen model, on one table."""
