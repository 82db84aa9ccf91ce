#!/bin/sh
echo "Ferry 1.4, from Sea Lane: 06:40, 07:20, 08:00"
