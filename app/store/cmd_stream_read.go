package store

var streamReadCommands = []command{}
