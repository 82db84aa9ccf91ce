"""Interview practice in a terminal, or driven by lines on standard input."""
