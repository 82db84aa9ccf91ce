"""Tools that know nothing of containers: run a program, cancel, work in parallel, read units."""
