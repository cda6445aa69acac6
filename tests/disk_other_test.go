//go:build !linux

package tests

import "testing"

// smallDisk is a directory on a disk of 1 MiB.
func smallDisk(t *testing.T) string {
	t.Skip("no small disk to be had")
	return ""
}
