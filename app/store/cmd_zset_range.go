package store

var zsetRangeCommands = []command{}
