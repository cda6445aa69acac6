package store

var sortCommands = []command{}
