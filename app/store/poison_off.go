//go:build !poison

package store

// poisonInput is set in the build that overwrites executed input.
const poisonInput = false

func poison([]byte) {}
