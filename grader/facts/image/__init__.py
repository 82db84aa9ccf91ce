"""The image: archives and layers as they are stored, its files, and what is found in them."""
