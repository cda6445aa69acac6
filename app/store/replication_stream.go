package store

import (
	"slices"

	"github.com/codecrafters-io/redis-starter-go/app/resp"
)

// The replication stream: what this server's replicas get, one sequence of bytes
// with one offset. It lies in blocks, the oldest of which are dropped once nobody
// wants them: the backlog wants the last repl-backlog-size bytes, and a replica
// all from where it is. So what many replicas are to be sent is there once, and
// who comes back soon goes on where it was.
//
// A block is filled in its place, with the mutex held. What lies before its end
// never changes, so a part of it can be written to a socket without the mutex.

// A replBlock is a piece of the stream.
type replBlock struct {
	start int64  // the offset before its first byte
	data  []byte // never outgrows its capacity
	next  *replBlock
	users int // replicas that are at it
}

const (
	replBlockMin  = 16 << 10
	replBlockMax  = 64 << 10
	replBlockCost = 64 // bytes of a block besides its data
)

// A replStream is the stream of a server. Without a backlog nobody wants it, and
// nothing is kept.
type replStream struct {
	offset   int64      // behind its last byte
	first    *replBlock // the oldest one; nil without a backlog
	last     *replBlock
	size     int64 // repl-backlog-size
	held     int64 // bytes that the blocks take
	selected int   // one more than the database that the next command is for; 0 when it has to be said
	news     bool  // there is more than the replicas were told of

	// What the unit at hand consists of so far.
	unit     []byte
	commands int
	unitAt   int // where its first command begins, behind a SELECT
}

// active reports whether anybody wants the stream.
func (s *replStream) active() bool { return s.first != nil }

// begin begins to keep what is streamed.
func (s *replStream) begin(size int64) {
	if s.first == nil {
		s.size = size
		s.first = &replBlock{start: s.offset, data: make([]byte, 0, replBlockMin)}
		s.last, s.held = s.first, replBlockMin
	}
}

// end forgets what was kept.
func (s *replStream) end() { *s = replStream{offset: s.offset, size: s.size} }

// resize changes how much is kept.
func (s *replStream) resize(size int64) {
	s.size = size
	s.trim()
}

// feed appends a command to the unit at hand. kv.mu is held.
func (s *replStream) feed(db int, args []string) {
	s.beginCommand(db)
	s.unit = resp.AppendCommand(s.unit, args...)
}

// feedEncoded is feed for a command that somebody has encoded already.
func (s *replStream) feedEncoded(db int, command []byte) {
	s.beginCommand(db)
	s.unit = append(s.unit, command...)
}

// beginCommand says which database the next command of the unit is for, if need be.
func (s *replStream) beginCommand(db int) {
	if s.selected != db+1 {
		s.selected = db + 1
		s.unit = resp.AppendCommand(s.unit, "SELECT", formatInt(int64(db)))
	}
	if s.commands == 0 {
		s.unitAt = len(s.unit)
	}
	s.commands++
}

// endUnit makes the unit at hand a part of the stream. kv.mu is held.
func (s *replStream) endUnit() {
	if s.commands == 0 {
		return
	}
	if s.commands > 1 {
		s.unit = slices.Insert(s.unit, s.unitAt, multiLine...)
		s.unit = append(s.unit, execLine...)
	}
	s.proxy(s.unit)
	s.unit, s.commands = s.unit[:0], 0
	if cap(s.unit) > journalKeep {
		s.unit = nil
	}
}

// proxy appends bytes as they are: a whole unit, or what the master has sent and
// this server has applied.
func (s *replStream) proxy(b []byte) {
	if s.first == nil {
		s.offset += int64(len(b))
		return
	}
	for len(b) > 0 {
		n := min(cap(s.last.data)-len(s.last.data), len(b))
		s.last.data = append(s.last.data, b[:n]...)
		s.offset += int64(n)
		if b = b[n:]; len(b) > 0 {
			s.grow(len(b))
		}
	}
	s.news = true
	s.trim()
}

// grow adds a block for n bytes, or for a part of them.
func (s *replStream) grow(n int) {
	most := min(max(int(min(s.size/16, replBlockMax)), replBlockMin), replBlockMax)
	size := min(max(n, most), replBlockMax)
	b := &replBlock{start: s.offset, data: make([]byte, 0, size)}
	s.last.next, s.last = b, b
	s.held += int64(size)
}

// trim drops the blocks that nobody wants.
func (s *replStream) trim() {
	for b := s.first; b != nil && b.next != nil && b.users == 0 && s.offset-b.next.start >= s.size; b = s.first {
		s.first = b.next
		s.held -= int64(cap(b.data))
	}
}

// has reports whether the stream is kept from an offset on.
func (s *replStream) has(at int64) bool {
	return s.first != nil && at >= s.first.start && at <= s.offset
}

// bytes is the memory that the stream takes.
func (s *replStream) bytes() int64 {
	if s.first == nil {
		return 0
	}
	return s.held + (s.held/replBlockMax+1)*replBlockCost
}

// A streamPlace is where a replica is in the stream. The zero value is nowhere.
type streamPlace struct {
	block *replBlock
	at    int64 // the offset of what it gets next
}

// place is the place of an offset, which the stream has.
func (s *replStream) place(at int64) streamPlace {
	b := s.first
	for b.next != nil && b.next.start <= at {
		b = b.next
	}
	b.users++
	return streamPlace{b, at}
}

// share is the place of another one who is at the same.
func (p streamPlace) share() streamPlace {
	p.block.users++
	return p
}

// leave gives a place up.
func (s *replStream) leave(p *streamPlace) {
	if p.block != nil {
		p.block.users--
		p.block = nil
		s.trim()
	}
}

// next is a piece of what comes next, which is not to be changed.
func (s *replStream) next(p *streamPlace) []byte {
	b := p.block
	if int(p.at-b.start) == len(b.data) && b.next != nil {
		b.users--
		b = b.next
		b.users++
		p.block = b
		s.trim()
	}
	piece := b.data[p.at-b.start : len(b.data) : len(b.data)]
	p.at += int64(len(piece))
	return piece
}
