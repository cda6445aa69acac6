package store

var zsetBlockingCommands = []command{}
