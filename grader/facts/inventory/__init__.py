"""The package lists in an image, and what they do not name."""
