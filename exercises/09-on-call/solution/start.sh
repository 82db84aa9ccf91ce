#!/bin/sh
# Serves the timetable, in the foreground.
exec httpd -f -p 8000 -h /ferry
