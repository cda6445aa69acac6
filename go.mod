module github.com/codecrafters-io/redis-starter-go

go 1.26
