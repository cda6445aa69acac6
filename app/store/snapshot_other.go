//go:build !unix

package store

// syncDir does nothing where the system keeps names by itself.
func syncDir(path string) error { return nil }
