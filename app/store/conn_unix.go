//go:build unix

package store

import (
	"errors"
	"net"
	"syscall"
)

// The raw path: the client's whole life is one RawConn.Read after another,
// whose callback reads, executes and writes by system calls of its own, and
// returns false when there is nothing more, so that the poller parks the
// goroutine.
//
// The poller is edge-triggered. When the peer's FIN arrives together with its
// last bytes there is no further edge, so a callback that returns false after
// a short read may wait for ever on a connection that has ended. Reading until
// EAGAIN would cost a system call a request. Instead a short read marks the
// client, and cron kicks each marked client once after it has gone idle; the
// kicked one reads again and sees the end.

// rawConn is the connection's RawConn when it can take the raw path.
func rawConn(conn net.Conn) syscall.RawConn {
	var sc syscall.Conn
	switch t := conn.(type) {
	case *net.TCPConn:
		sc = t
	case *net.UnixConn:
		sc = t
	default:
		return nil
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}

// serveRaw serves the client until it leaves or is killed.
func (c *Client) serveRaw() {
	for {
		left := false
		err := c.raw.Read(func(fd uintptr) bool {
			c.directFD = int(fd)
			left = !c.readable(int(fd))
			c.directFD = -1
			return left
		})
		if left || err != nil && !c.interrupted(err) {
			return
		}
	}
}

// readable reads and executes until the socket is empty. It reports false when
// the client is to be closed.
func (c *Client) readable(fd int) bool {
	c.kv.wakers.await()
	c.takeWorkspace()
	short := false
	for {
		if !c.consume() {
			return false
		}
		if short {
			c.probe.Store(true)
			c.spentNs = 0
			c.releaseWorkspace(false)
			return true
		}
		if c.spentNs > turnNs {
			c.spentNs = 0
			c.kv.yielders.yield()
		}
		c.room()
		space := c.ws.in[c.w:]
		n, err := sysRead(fd, space)
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
			c.probe.Store(false)
			c.spentNs = 0
			c.releaseWorkspace(false)
			return true
		case err != nil || n == 0:
			return false
		}
		c.w += n
		if !c.received(n) {
			return false
		}
		short = n < len(space)
	}
}

// writeNow does one non-blocking write from the client's own goroutine.
func (c *Client) writeNow(buf []byte) (int, error) {
	if c.directFD < 0 {
		return c.writeBeside(buf)
	}
	return writeOnce(c.directFD, buf)
}

// writeBeside does one non-blocking write from another goroutine. It goes
// through RawConn.Write, since a bare descriptor may have been closed and given
// out again.
func (c *Client) writeBeside(buf []byte) (n int, err error) {
	failed := c.raw.Write(func(fd uintptr) bool {
		n, err = writeOnce(int(fd), buf)
		return true
	})
	return n, errors.Join(failed, err)
}

func writeOnce(fd int, buf []byte) (int, error) {
	for {
		n, err := sysWrite(fd, buf)
		switch err {
		case nil:
			return n, nil
		case syscall.EINTR:
		case syscall.EAGAIN:
			return 0, nil
		default:
			return 0, err
		}
	}
}
