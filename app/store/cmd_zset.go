package store

var zsetCommands = []command{}
