package tests

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestLoad has many connections at once: a tenth of them reads next to nothing, a
// tenth is idle, and the rest asks for something once a second. Nobody who is well
// may notice the slow ones, which are closed at their limit and come again, and
// the server may not grow.
//
// By itself the test takes a few hundred connections for a moment. TEST_SOAK=10m
// makes it 10,000 for that long, preceded by the same without the slow and the
// idle ones; only then are times compared. So many goroutines are too many for the
// race detector.
func TestLoad(t *testing.T) {
	total, length, breath, soak := 400, 2*time.Second, 50*time.Millisecond, false
	if text := os.Getenv(envSoak); text != "" {
		d, err := time.ParseDuration(text)
		if err != nil {
			t.Fatal(err)
		}
		total, length, breath, soak = 10_000, d, time.Second, true
	}
	l := newCrowd(t, total, breath)
	alone := l.run(t, length/4, 0)
	together := l.run(t, length, l.total/10)
	t.Logf("%d connections: p99 %v alone, %v among slow readers; %d of these closed at their limit",
		l.total, alone.p99, together.p99, together.cut)
	if together.cut == 0 {
		t.Error("no slow reader was closed at its limit")
	}
	if !soak {
		return
	}
	if together.p99 > max(2*alone.p99, loadPause) {
		t.Errorf("p99 was %v, and is %v among slow readers", alone.p99, together.p99)
	}
	// What slow readers are owed comes and goes, with the collector's tides.
	n := len(together.memory)
	if before, after := slices.Min(together.memory[n/4:n/2]), slices.Min(together.memory[n*3/4:]); after > before+before/10+32<<20 {
		t.Errorf("the server grew from %d MiB to %d", before>>20, after>>20)
	}
}

const (
	loadLimit   = 1 << 20 // of a client's output
	loadValue   = 64 << 10
	loadGreed   = 200 // values that a slow reader asks for, much more than its limit and its socket hold
	loadWorkers = 64
	loadBreaths = 10                     // in a slow reader's life
	loadPause   = 250 * time.Millisecond // it would be more if anybody waited for a slow reader
)

// A crowd is a server with very many clients.
type crowd struct {
	s      *server
	socket string
	breath time.Duration // of a slow reader
	total  int           // of all connections
	well   []*loadClient
}

// A loadClient is one that is well.
type loadClient struct {
	conn net.Conn
	in   *bufio.Reader
}

// A loadResult is what a run of the crowd came to.
type loadResult struct {
	p99    time.Duration
	cut    int64
	memory []int // of the server, once a second
}

// newCrowd starts a server and connects those who are well.
func newCrowd(t *testing.T, total int, breath time.Duration) *crowd {
	dir, err := os.MkdirTemp("", "load") // a socket's path has to be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	l := &crowd{socket: dir + "/s", breath: breath}
	l.s = startProgram(t, serverPath(t), "--unixsocket", l.socket, "--maxclients", strconv.Itoa(total+100),
		"--client-output-buffer-limit", "normal "+strconv.Itoa(loadLimit)+" 0 0")
	c := l.s.client(t)
	c.ok("SET big " + strings.Repeat("v", loadValue))
	most, err := strconv.Atoi(c.do("CONFIG", "GET", "maxclients").elems[1].text)
	if err != nil {
		t.Fatal(err)
	}
	l.total = min(total, most-100) // what the system's limit of open files leaves of it
	for range l.total * 8 / 10 {
		l.well = append(l.well, l.connect(t))
	}
	return l
}

// connect connects one that is well.
func (l *crowd) connect(t *testing.T) *loadClient {
	conn, err := net.Dial("tcp", l.s.addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &loadClient{conn, bufio.NewReaderSize(conn, 64)}
}

// run has everybody do what they do for so long, with so many slow readers and
// as many who are idle.
func (l *crowd) run(t *testing.T, length time.Duration, ill int) loadResult {
	for range ill {
		l.connect(t) // idle
	}
	quit := make(chan struct{})
	var all sync.WaitGroup
	var cut atomic.Int64
	for i := range ill {
		all.Go(func() {
			// They come one after the other, not all at once.
			select {
			case <-quit:
				return
			case <-time.After(time.Duration(i) * loadBreaths * l.breath / time.Duration(ill)):
			}
			for l.readSlowly(t, quit) {
				cut.Add(1)
			}
		})
	}
	latencies := make([][]time.Duration, loadWorkers)
	for i := range loadWorkers {
		all.Go(func() { latencies[i] = l.askOften(t, i, quit) })
	}
	var result loadResult
	ticks := time.NewTicker(time.Second)
	defer ticks.Stop()
	end := time.After(length)
	for running := true; running; {
		select {
		case <-end:
			running = false
		case <-ticks.C:
		}
		result.memory = append(result.memory, l.s.infoInt(t, "used_memory_rss"))
	}
	if ill > 0 {
		waitFor(t, "slow readers to be closed", func() bool { return cut.Load() > 0 })
	}
	close(quit)
	all.Wait()
	took := slices.Concat(latencies...)
	slices.Sort(took)
	if len(took) == 0 {
		t.Fatal("nothing was answered")
	}
	result.p99, result.cut = took[len(took)*99/100], cut.Load()
	return result
}

// askOften is a worker: it has each of its clients ask for something once a
// second, and says how long the answers took.
func (l *crowd) askOften(t *testing.T, worker int, quit <-chan struct{}) (latencies []time.Duration) {
	request := appendCommand(nil, "INCR", "counter:"+strconv.Itoa(worker))
	var mine []*loadClient
	for i := worker; i < len(l.well); i += loadWorkers {
		mine = append(mine, l.well[i])
	}
	ticks := time.NewTicker(time.Second / time.Duration(max(len(mine), 1)))
	defer ticks.Stop()
	for n := 0; ; n++ {
		select {
		case <-quit:
			return latencies
		case <-ticks.C:
		}
		c := mine[n%len(mine)]
		began := time.Now()
		c.conn.SetDeadline(began.Add(patience))
		if _, err := c.conn.Write(request); err != nil {
			t.Error(err)
			return latencies
		}
		if line, err := c.in.ReadSlice('\n'); err != nil || line[0] != ':' {
			t.Errorf("%q, %v", line, err)
			return latencies
		}
		latencies = append(latencies, time.Since(began))
	}
}

// readSlowly is the life of a slow reader: it asks for much, takes a few bytes now
// and then, and is closed. It reports false when there is to be no other.
func (l *crowd) readSlowly(t *testing.T, quit <-chan struct{}) bool {
	conn, err := net.Dial("unix", l.socket)
	if err != nil {
		t.Error(err)
		return false
	}
	defer conn.Close()
	conn.Write(bytes.Repeat(appendCommand(nil, "GET", "big"), loadGreed)) // an error shows when reading
	some := make([]byte, 100)
	var got int64
	for range loadBreaths {
		select {
		case <-quit:
			return false
		case <-time.After(l.breath):
		}
		conn.SetReadDeadline(time.Now().Add(patience))
		n, err := conn.Read(some)
		got += int64(n)
		if err != nil {
			break
		}
	}
	rest, err := io.Copy(io.Discard, conn)
	if got += rest; got >= loadGreed*loadValue {
		t.Errorf("a slow reader was sent all of %d bytes, its limit being %d: %v", got, loadLimit, err)
		return false
	}
	return true
}
