package store

var hashExpireCommands = []command{}
