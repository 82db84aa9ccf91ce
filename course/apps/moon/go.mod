module moon

go 1.24
