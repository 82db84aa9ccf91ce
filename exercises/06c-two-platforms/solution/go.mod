module harbour/lamp

go 1.24
