package store

import (
	"bufio"
	"bytes"
	"context"
	"net"

	"github.com/codecrafters-io/redis-starter-go/app/resp"
)

// The store within a Go program: commands without a connection.

// Do runs one command in process and returns its decoded reply. An error reply
// is returned as a resp.ReplyError besides. The command runs as a client of
// its own on database 0, with every permission. It waits while clients are
// paused, and a blocking command until it is served or times out, but no longer
// than the context lasts. Once the store is closed the error is net.ErrClosed.
func (kv *KVStore) Do(ctx context.Context, args ...string) (resp.Value, error) {
	if len(args) == 0 {
		return resp.Value{}, errSyntax
	}
	if err := ctx.Err(); err != nil {
		return resp.Value{}, err
	}
	kv.start()
	c := &Client{kv: kv, fd: -1, directFD: -1, addr: "?:0", laddr: "?:0", authenticated: true, wake: make(chan struct{}, 1)}
	c.reply.Proto = 3
	kv.mu.Lock()
	if !kv.closed {
		kv.enter(c)
		kv.serving.Add(1)
		defer kv.serving.Done()
	}
	kv.mu.Unlock()
	if err := c.run(ctx, args); err != nil {
		return resp.Value{}, err
	}
	if len(c.reply.Buf) == 0 {
		return resp.Value{Null: true}, nil // such as CLIENT REPLY OFF
	}
	v, err := resp.ReadValue(bufio.NewReader(bytes.NewReader(c.reply.Buf)))
	if err != nil {
		return v, err
	}
	return v, v.Err()
}

// run runs the command of an in-process client, waits for the reply, and takes
// the client out of the store.
func (c *Client) run(ctx context.Context, args []string) error {
	for {
		done, err := c.try(args)
		if done || err != nil {
			return err
		}
		select {
		case <-c.wake:
		case <-ctx.Done():
			return c.giveUp(ctx.Err())
		}
	}
}

// try runs the command of an in-process client, or looks whether it has been
// answered since it blocked. done is false when it has to wait, for that or for
// a pause to end.
func (c *Client) try(args []string) (done bool, err error) {
	kv := c.kv
	kv.mu.Lock()
	defer kv.unlock()
	if (kv.closed || c.closing) && !c.answered() { // by Close, or by CLIENT KILL
		kv.leave(c)
		return false, net.ErrClosed
	}
	if !c.waiting {
		kv.readClock()
		kv.hint = commandHint{}
		kv.processCommand(c, args)
		c.waiting = c.parked == parkedOnKeys
	}
	if c.parked != notParked {
		return false, nil
	}
	kv.leave(c)
	return true, nil
}

// giveUp ends an in-process client whose context has ended. It returns why,
// unless the answer has come at the same time: with it an element may have been
// taken from a list, which must not be lost.
func (c *Client) giveUp(why error) error {
	kv := c.kv
	kv.mu.Lock()
	defer kv.unlock()
	kv.leave(c)
	if c.answered() {
		return nil
	}
	return why
}

// answered reports whether an in-process client has blocked and been answered.
func (c *Client) answered() bool { return c.waiting && len(c.reply.Buf) > 0 }

// A StreamEntry is an entry of a stream. Of fields that repeat Pair has the
// last one; XRANGE returns them all.
type StreamEntry struct {
	Id   string
	Pair map[string]string
}

// Stream returns the entries of the stream at key in database 0, oldest first;
// nil when there is none. It may be called from any goroutine.
func (kv *KVStore) Stream(key string) []StreamEntry {
	kv.start()
	kv.lockLoaded()
	defer kv.unlock()
	if kv.closed {
		return nil
	}
	kv.readClock()
	s, err := kv.dbs[0].lookupStream(key)
	if err != nil || s == nil {
		return nil
	}
	entries := make([]StreamEntry, 0, s.length)
	var it streamIterator
	it.start(kv, s, streamID{}, maxStreamID, false)
	for {
		id, fields, ok := it.next()
		if !ok {
			return entries
		}
		pair := make(map[string]string, fields)
		for range fields {
			name, value := it.nextField()
			pair[name.String()] = value.String()
		}
		entries = append(entries, StreamEntry{id.String(), pair})
	}
}
