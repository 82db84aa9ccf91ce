"""Package managers: find what a command installs or downloads, and whether a download is verified."""
