"""Read the shell scripts of RUN instructions: tokens, words, commands, and the programs that wrappers run."""
