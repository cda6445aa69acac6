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
// its own on database 0, with every permission; it waits while clients are
// paused, until the context ends. Once the store is closed the error is
// net.ErrClosed.
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
	for {
		done, err := c.try(args)
		if err != nil {
			return resp.Value{}, err
		}
		if done {
			break
		}
		select {
		case <-c.wake:
		case <-ctx.Done():
			kv.mu.Lock()
			kv.leave(c)
			kv.unlock()
			return resp.Value{}, ctx.Err()
		}
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

// try runs the command of an in-process client. done is false when it has to
// wait for a pause to end.
func (c *Client) try(args []string) (done bool, err error) {
	kv := c.kv
	kv.mu.Lock()
	defer kv.unlock()
	if kv.closed || c.closing { // by Close, or by CLIENT KILL
		kv.leave(c)
		return false, net.ErrClosed
	}
	kv.readClock()
	kv.hint = commandHint{}
	kv.processCommand(c, args)
	if c.parked != notParked {
		return false, nil
	}
	kv.leave(c)
	return true, nil
}
