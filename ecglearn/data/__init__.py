"""From files or the cohort to batches; everything is checked at the door."""
