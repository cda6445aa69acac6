//go:build poison

package store

const poisonInput = true

// poison overwrites arguments that were executed, so that a test sees whoever
// kept a view of one.
func poison(b []byte) {
	for i := range b {
		b[i] = 0xa5
	}
}
