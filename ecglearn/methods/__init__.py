"""One file for each paper; methods never import each other."""
