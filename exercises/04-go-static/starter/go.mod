module harbour/tides

go 1.24
