package store

var geoCommands = []command{}
