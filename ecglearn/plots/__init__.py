"""Numbers in, figures out: the only room that knows matplotlib, seaborn or plotly."""
