module mlendpoints.dev/stand-in

go 1.21
