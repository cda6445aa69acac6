//go:build !unix

package store

// syncDir does nothing where the system keeps names by itself.
func syncDir(path string) error { return nil }

// surviveFileLimit is for systems with such a limit.
func surviveFileLimit() {}
