package store

var zsetStoreCommands = []command{}
