//go:build !unix

package store

import (
	"net"
	"syscall"
)

// Without a raw path every connection takes the portable one.

func rawConn(net.Conn) syscall.RawConn { return nil }

func (c *Client) serveRaw() {}

func (c *Client) writeNow([]byte) (int, error) { return 0, nil }

func (c *Client) writeBeside([]byte) (int, error) { return 0, nil }
