//go:build !unix

package store

import "os"

// crashSignals are none where nobody sends any.
var crashSignals []os.Signal
