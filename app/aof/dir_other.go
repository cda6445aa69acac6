//go:build !unix

package aof

// syncDir does nothing where the system keeps names by itself.
func syncDir(path string) error { return nil }
