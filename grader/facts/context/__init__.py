"""Find which files of a build context reach the builder, by the ignore file and its patterns."""
