package store

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/codecrafters-io/redis-starter-go/app/resp"
)

// A Listener accepts connections on every address, port and unix socket that
// the configuration names, and follows CONFIG SET. Its Accept returns the
// plain *net.TCPConn or *net.UnixConn, or a *tls.Conn that has yet to shake hands.
type Listener struct {
	kv       *KVStore
	accepted chan net.Conn
	quit     chan struct{}
	loops    sync.WaitGroup // an accepting goroutine each; added to with mu held

	mu     sync.Mutex // taken after kv.mu when both are
	closed bool
	at     listenState // of tcp and tls
	tcp    []net.Listener
	tls    []net.Listener
	unix   net.Listener
}

// A listenState is where to listen on TCP.
type listenState struct {
	bind    []string
	port    int
	tlsPort int
}

// listening is what the configuration says about it.
func (kv *KVStore) listening() listenState {
	cfg := kv.config
	return listenState{cfg.Strings("bind"), int(cfg.Int("port")), int(cfg.Int("tls-port"))}
}

// mainPort is the port by which the server introduces itself.
func (kv *KVStore) mainPort() string {
	if tlsPort := kv.config.Int("tls-port"); kv.Info.Port == "0" && tlsPort != 0 {
		return formatInt(tlsPort)
	}
	return kv.Info.Port
}

// Listen opens the sockets that the configuration names. While the data of a
// server that was started from the command line is loaded, it waits a moment.
func (kv *KVStore) Listen() (net.Listener, error) {
	l, err := kv.listen()
	if err != nil {
		return nil, err
	}
	kv.awaitLoaded(loadHeadStart)
	if kv.launcher != nil {
		go kv.releaseLauncher()
	}
	return l, nil
}

// listen is Listen without the wait.
func (kv *KVStore) listen() (*Listener, error) {
	l := &Listener{kv: kv, accepted: make(chan net.Conn), quit: make(chan struct{})}
	kv.mu.Lock()
	defer kv.mu.Unlock()
	if kv.closed {
		return nil, net.ErrClosed
	}
	if kv.listener != nil && !kv.listener.isClosed() {
		return nil, errors.New("store: listening already")
	}
	if err := l.openAll(); err != nil {
		l.Close()
		kv.log(logWarning, "%v", err)
		return nil, err
	}
	kv.listener = l
	kv.listeners[l] = struct{}{}
	if kv.standalone {
		// Not before the port is ours: Redis's test suite takes the PID for a
		// sign of that.
		kv.logRunning()
		kv.log(logWarning, "Server initialized")
	}
	kv.snapshot.loading.noteListening()
	if kv.snapshot.loading.active {
		kv.snapshot.loading.ready = true // to be said when that is over
	} else {
		kv.logReady()
	}
	return l, nil
}

// logReady says that clients are served. kv.mu is held.
func (kv *KVStore) logReady() {
	l := kv.listener
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.tcp)+len(l.tls) > 0 {
		kv.log(logNotice, "Ready to accept connections")
	}
	if l.unix != nil {
		kv.log(logNotice, "The server is now ready to accept connections at %s", kv.config.Str("unixsocket"))
	}
	kv.tellReady()
}

// openAll opens what the configuration names. kv.mu is held.
func (l *Listener) openAll() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	cfg := l.kv.config
	l.at = l.kv.listening()
	var err error
	if l.tcp, err = openTCP(l.kv, l.at.bind, l.at.port); err != nil {
		return fmt.Errorf("Failed listening on port %d (TCP), aborting.", l.at.port)
	}
	if l.tls, err = openTCP(l.kv, l.at.bind, l.at.tlsPort); err != nil {
		return fmt.Errorf("Failed listening on port %d (TLS), aborting.", l.at.tlsPort)
	}
	if path := cfg.Str("unixsocket"); path != "" {
		if l.unix, err = openUnix(cfg.Path(path), os.FileMode(cfg.Int("unixsocketperm"))); err != nil {
			return fmt.Errorf("Failed opening Unix socket: bind: %s", systemText(err))
		}
	}
	if len(l.tcp) == 0 && len(l.tls) == 0 && l.unix == nil {
		return errors.New("Configured to not listen anywhere, exiting.")
	}
	l.runAll(l.tcp, false)
	l.runAll(l.tls, true)
	if l.unix != nil {
		l.run(l.unix, false)
	}
	return nil
}

// openUnix listens at a path, with the permissions when there are any.
func openUnix(path string, mode os.FileMode) (net.Listener, error) {
	os.Remove(path) // left behind by an earlier run
	u, err := net.Listen("unix", path)
	if err != nil || mode == 0 {
		return u, err
	}
	if err := os.Chmod(path, mode); err != nil {
		u.Close()
		return nil, err
	}
	return u, nil
}

// openTCP listens on port at every address of a bind directive. One written
// with a minus in front may be missing on this machine.
func openTCP(kv *KVStore, addresses []string, port int) ([]net.Listener, error) {
	var open []net.Listener
	if port == 0 {
		return nil, nil
	}
	for _, address := range addresses {
		name, optional := strings.CutPrefix(address, "-")
		network, host := "tcp4", name
		switch {
		case name == "*":
			host = "0.0.0.0"
		case name == "::*":
			network, host = "tcp6", "::"
		case strings.Contains(name, ":"):
			network = "tcp6"
		}
		lc := net.ListenConfig{KeepAlive: -1} // Accept sets it, by the configuration
		t, err := lc.Listen(context.Background(), network, net.JoinHostPort(host, strconv.Itoa(port)))
		if err == nil {
			open = append(open, t)
			continue
		}
		kv.log(logWarning, "Warning: Could not create server TCP listening socket %s:%d: %s", name, port, listenText(err))
		if optional && errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT) {
			continue
		}
		for _, o := range open {
			o.Close()
		}
		return nil, err
	}
	return open, nil
}

// listenText is why an address cannot be listened on, as Redis logs it.
func listenText(err error) string {
	if call, ok := errors.AsType[*os.SyscallError](err); ok {
		return call.Syscall + ": " + systemText(call.Err)
	}
	if name, ok := errors.AsType[*net.DNSError](err); ok && name.IsNotFound {
		return "Name or service not known"
	}
	return err.Error()
}

// runAll accepts on all these sockets. l.mu is held.
func (l *Listener) runAll(list []net.Listener, secure bool) {
	for _, t := range list {
		l.run(t, secure)
	}
}

// run accepts on one socket until it is closed, and wraps the connections in TLS if
// they are to be secure. l.mu is held.
func (l *Listener) run(from net.Listener, secure bool) {
	l.loops.Add(1)
	go func() {
		defer l.loops.Done()
		for {
			conn, err := from.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err != nil {
				// Out of descriptors, most likely: let some go first.
				l.kv.log(logWarning, "Accepting client connection: %v", err)
				select {
				case <-l.quit:
					return
				case <-time.After(tick):
				}
				continue
			}
			if conn = l.prepare(conn, secure); conn == nil {
				continue
			}
			select {
			case l.accepted <- conn:
			case <-l.quit:
				conn.Close()
				return
			}
		}
	}()
}

// Accept waits for the next connection.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.accepted:
		return conn, nil
	case <-l.quit:
		return nil, net.ErrClosed
	}
}

// prepare makes an accepted connection what Accept returns; nil when it is closed.
func (l *Listener) prepare(conn net.Conn, secure bool) net.Conn {
	if tcp, ok := conn.(*net.TCPConn); ok {
		l.keepAlive(tcp)
	}
	if secure {
		return l.kv.secure(conn)
	}
	return conn
}

// keepAlive sets tcp-keepalive. A connection that has gone already is found
// out by its first read.
func (l *Listener) keepAlive(conn *net.TCPConn) {
	seconds := l.kv.keepAliveSeconds.Load()
	if seconds == 0 {
		return
	}
	idle := time.Duration(seconds) * time.Second
	conn.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: idle, Interval: max(idle/3, time.Second), Count: 3})
}

// Close closes every socket; connections that were accepted stay open.
func (l *Listener) Close() error {
	l.mu.Lock()
	if !l.closed {
		l.closed = true
		close(l.quit)
		closeAll(l.tcp)
		closeAll(l.tls)
		if l.unix != nil {
			l.kv.log(logNotice, "Removing the unix socket file.")
			l.unix.Close()
		}
	}
	l.mu.Unlock()
	l.loops.Wait()
	return nil
}

func (l *Listener) isClosed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closed
}

// Addr is the first address listened on; a closed or silenced listener has
// none, and says so with an empty one.
func (l *Listener) Addr() net.Addr {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case len(l.tcp) > 0:
		return l.tcp[0].Addr()
	case len(l.tls) > 0:
		return l.tls[0].Addr()
	case l.unix != nil:
		return l.unix.Addr()
	}
	return &net.TCPAddr{}
}

// A rebindError is why the addresses configured cannot be listened on, and the
// directive that is to blame.
type rebindError struct {
	directive string
	cause     error
}

func (e *rebindError) Error() string { return e.directive + ": " + e.cause.Error() }

// rebind moves to the addresses and ports configured now. When they cannot be
// had, the old ones stay. kv.mu is held.
func (l *Listener) rebind() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	old, now := l.at, l.kv.listening()
	if l.closed || now.port == old.port && now.tlsPort == old.tlsPort && slices.Equal(now.bind, old.bind) {
		return nil
	}
	if err := l.move(&l.tcp, "port", place{old.bind, old.port}, place{now.bind, now.port}); err != nil {
		return err
	}
	if err := l.move(&l.tls, "tls-port", place{old.bind, old.tlsPort}, place{now.bind, now.tlsPort}); err != nil {
		if again := l.move(&l.tcp, "port", place{now.bind, now.port}, place{old.bind, old.port}); again != nil {
			l.kv.log(logWarning, "Could not listen on the old addresses again: %v", again)
		}
		return err
	}
	l.at = now
	if now.port != old.port {
		l.kv.Info.Port = strconv.Itoa(now.port)
	}
	return nil
}

// A place is where sockets of one kind listen.
type place struct {
	bind []string
	port int
}

// move moves the sockets of one kind, which stay where they are when it fails. With
// the port unchanged the new addresses may be among the old ones, which then have
// to make room first.
func (l *Listener) move(list *[]net.Listener, directive string, from, to place) error {
	samePort := from.port == to.port
	if samePort && slices.Equal(from.bind, to.bind) {
		return nil
	}
	if samePort {
		closeAll(*list)
		directive = "bind"
	}
	opened, err := openTCP(l.kv, to.bind, to.port)
	switch {
	case err != nil && !samePort:
		return &rebindError{directive, err} // nothing has been touched
	case err != nil:
		var again error
		if opened, again = openTCP(l.kv, from.bind, from.port); again != nil {
			l.kv.log(logWarning, "Could not listen on the old addresses again: %v", again)
		}
	case !samePort:
		closeAll(*list)
	}
	*list = opened
	l.runAll(opened, list == &l.tls)
	if err != nil {
		return &rebindError{directive, err}
	}
	return nil
}

// closeAll closes sockets.
func closeAll(list []net.Listener) {
	for _, t := range list {
		t.Close()
	}
}

// Serve accepts connections and serves each in a goroutine until the context
// or the store ends or the listener fails. Then the store is closed. The error
// is nil when it was the context, and net.ErrClosed when it was the store.
func (kv *KVStore) Serve(ctx context.Context, l net.Listener) error {
	if !kv.adopt(l) {
		l.Close()
		return net.ErrClosed
	}
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	for {
		conn, err := l.Accept()
		if outOfFiles(err) {
			select {
			case <-time.After(tick): // some may be closed meanwhile
			case <-ctx.Done():
			}
			continue
		}
		if err != nil {
			kv.Close()
			if ctx.Err() != nil {
				return nil
			}
			if errors.Is(err, net.ErrClosed) {
				return net.ErrClosed
			}
			return err
		}
		go kv.HandleConnection(Connection{Conn: conn}, resp.NewParser(conn))
	}
}

// adopt makes the listener end with the store. It is false when the store has
// ended already.
func (kv *KVStore) adopt(l net.Listener) bool {
	kv.mu.Lock()
	defer kv.mu.Unlock()
	if kv.closed {
		return false
	}
	kv.listeners[l] = struct{}{}
	return true
}

// outOfFiles reports whether there is no descriptor left for a connection.
func outOfFiles(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}
