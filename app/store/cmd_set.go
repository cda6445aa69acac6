package store

var setCommands = []command{}
