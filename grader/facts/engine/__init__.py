"""The engine: the one interface to Docker, and how a container of the image behaves."""
