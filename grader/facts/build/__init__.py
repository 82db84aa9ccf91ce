"""The build: its log and steps, builds after an edit, and where the base image ends."""
