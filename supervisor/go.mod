module mlendpoints.dev/supervisor

go 1.21
