"""One file per format: a verdict in, text out."""
