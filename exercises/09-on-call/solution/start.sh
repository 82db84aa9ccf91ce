#!/bin/sh
# Without the line above, the kernel does not know which program reads this file, and says exec format error.
# Serves the timetable, in the foreground.
exec httpd -f -p 8000 -h /ferry
