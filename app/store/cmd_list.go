package store

var listCommands = []command{}
