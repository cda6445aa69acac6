package store

var streamGroupCommands = []command{}
