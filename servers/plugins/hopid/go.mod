module hopwatch/hopid

go 1.22
