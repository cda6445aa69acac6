package aof

import (
	"fmt"
	"os"
)

// A Log is the incremental file that is being written. Append and Sync may run at
// the same time, but no two Appends.
type Log struct {
	f    *os.File
	size int64
}

// Open opens the file at path for what is to be appended, and makes it if need be.
func Open(path string) (*Log, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	stat, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	return &Log{f: f, size: stat.Size()}, nil
}

// Create opens an empty file at path, whatever was there before.
func Create(path string) (*Log, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return nil, err
	}
	return &Log{f: f}, nil
}

// Size is how many bytes have been written, in this run or before.
func (l *Log) Size() int64 { return l.size }

// A ShortWriteError is the end of a disk in the middle of a write. What went to
// disk of it has been taken back, unless Undo says why not.
type ShortWriteError struct {
	Written, Expected int
	Undo              error
	Err               error
}

func (e *ShortWriteError) Error() string {
	return fmt.Sprintf("short write: %d of %d bytes: %v", e.Written, e.Expected, e.Err)
}
func (e *ShortWriteError) Unwrap() error { return e.Err }

// Append writes b behind what is there. With an error n bytes are there to stay,
// which is none of them if it can be helped: half a command at the end would keep
// what comes later from being read.
func (l *Log) Append(b []byte) (n int, err error) {
	n, err = l.f.Write(b)
	if err == nil || n == 0 {
		l.size += int64(n)
		return n, err
	}
	short := &ShortWriteError{Written: n, Expected: len(b), Err: err}
	if short.Undo = l.f.Truncate(l.size); short.Undo == nil {
		n = 0
	}
	l.size += int64(n)
	return n, short
}

// Sync returns when what was written before is on disk.
func (l *Log) Sync() error { return syncData(l.f) }

// Close closes the file.
func (l *Log) Close() error { return l.f.Close() }
