package store

var streamCommands = []command{}
