package store

var listBlockingCommands = []command{}
