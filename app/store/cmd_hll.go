package store

var hllCommands = []command{}
