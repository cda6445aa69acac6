//go:build !unix

package store

import "runtime"

// Elsewhere a read always enters the scheduler.

const turnNs = 200_000

type yielders struct{}

func (ys *yielders) yield() { runtime.Gosched() }

func (ys *yielders) close() {}

type wakers struct{}
