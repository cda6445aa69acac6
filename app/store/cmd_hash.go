package store

var hashCommands = []command{}
