package store

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// In the background: with daemonize the server lets go of its terminal. Redis forks,
// which a Go program cannot, for only one of its threads would come along. So the
// program is run once more, in a session of its own.
//
// The first process, the launcher, has read the configuration by then. It hands over
// what it has read, since the standard input and a pipe cannot be read twice. Then it
// waits until the second, the daemon, listens and has loaded its data, or has been
// loading for a while, and ends with status 0; so who has started the server may
// connect at once, which is more than Redis promises. If the daemon ends before, the
// launcher shows what it has said and ends with its status.

const (
	daemonEnv      = "VALKEYPER_DAEMON" // set in a daemon's environment
	defaultPidFile = "/var/run/redis.pid"

	// launcherPatience is how long the launcher waits for data to be loaded, which is
	// when most of what is wrong with it comes out.
	launcherPatience = 10 * time.Second

	// handoverBytesMax bounds what is kept of what a daemon says while it starts.
	handoverBytesMax = 64 << 10
)

// takeHandover finds out whether this process is a daemon, and then where the
// launcher waits to be told that it runs.
func (kv *KVStore) takeHandover() {
	if os.Getenv(daemonEnv) == "" {
		return
	}
	os.Unsetenv(daemonEnv) // it is not for those that this process may start
	kv.launcher = handoverFile()
	kv.daemon = kv.launcher != nil
	kv.logger.copyOut(kv.daemon) // for the launcher to show
}

// toBackground goes on in the background, when the configuration wants that and
// nobody supervises the server. In the launcher it does not return.
func (kv *KVStore) toBackground(configuration string) {
	if kv.daemon || !kv.config.Bool("daemonize") || kv.supervisor() != "no" {
		return
	}
	if !detachable {
		kv.log(logWarning, "daemonize is not possible on this system. The server stays in the foreground.")
		return
	}
	os.Exit(kv.launch(configuration))
}

// launch runs a daemon until it can be left alone. It returns the status for the launcher to
// end with.
func (kv *KVStore) launch(configuration string) int {
	said := tail{max: handoverBytesMax}
	running, daemonsEnd, err := os.Pipe()
	if err == nil {
		var path string
		if path, err = os.Executable(); err == nil {
			cmd := exec.Command(path)
			cmd.Args = os.Args
			cmd.Env = append(os.Environ(), daemonEnv+"=1")
			cmd.Stdin = strings.NewReader(configuration)
			cmd.Stdout, cmd.Stderr = &said, &said
			detach(cmd, daemonsEnd)
			err = kv.launchAs(cmd, running, daemonsEnd)
		}
	}
	switch {
	case err == nil:
		return 0
	case said.len() > 0:
		said.writeTo(os.Stdout)
	default:
		kv.log(logWarning, "Can't go on in the background: %v", err)
	}
	if ended, ok := err.(*exec.ExitError); ok && ended.ExitCode() > 0 {
		return ended.ExitCode()
	}
	return 1
}

// launchAs starts the command of a daemon and waits until it says that it runs. The
// error is why it does not.
func (kv *KVStore) launchAs(cmd *exec.Cmd, running, daemonsEnd *os.File) error {
	if err := cmd.Start(); err != nil {
		return err
	}
	daemonsEnd.Close() // or its end would not be seen
	if n, _ := running.Read(make([]byte, 1)); n == 1 {
		return nil
	}
	if err := cmd.Wait(); err != nil {
		return err
	}
	return io.ErrUnexpectedEOF
}

// releaseLauncher tells the launcher, when it has waited enough, that the server runs,
// and lets go of what they have in common.
func (kv *KVStore) releaseLauncher() {
	kv.awaitLoaded(launcherPatience)
	kv.mu.Lock()
	defer kv.mu.Unlock()
	kv.launcher.Write([]byte{1})
	kv.launcher.Close()
	kv.launcher = nil
	kv.logger.copyOut(false)
	silence()
}

// A tail keeps the end of what is written to it.
type tail struct {
	mu  sync.Mutex
	max int
	buf bytes.Buffer
}

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf.Write(b)
	if extra := t.buf.Len() - t.max; extra > 0 {
		t.buf.Next(extra)
	}
	return len(b), nil
}

func (t *tail) len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.buf.Len()
}

// writeTo writes all there is.
func (t *tail) writeTo(w io.Writer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf.WriteTo(w)
}
