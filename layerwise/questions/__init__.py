"""Questions of the lessons: what is asked, what is right, and why. They are kept in TOML, not in the notebooks."""
