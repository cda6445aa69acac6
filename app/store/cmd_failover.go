package store

import (
	"math"
	"strings"
)

// FAILOVER: a master hands over to one of its replicas and becomes its replica. It
// takes no writes until a replica has caught up, becomes that one's replica, and
// asks with PSYNC … FAILOVER for it to be a master; the replica says +CONTINUE when
// it is one. Nothing is lost on the way, unless FORCE says that time counts more.

var failoverCommands = []command{
	{name: "failover", arity: -1, flags: admin | noScript | stale, run: (*KVStore).cmdFailover},
}

// A failoverState is a failover under way. The zero value is none.
type failoverState struct {
	state failoverStep
	host  string // of the replica that is to take over; "" while any will do
	port  int64
	endMs int64 // when waiting ends, ms since 1970; 0 for never
	force bool  // the target takes over then, though it lags behind
}

// A failoverStep is how far it has come.
type failoverStep uint8

const (
	failoverNone       failoverStep = iota
	failoverWaiting                 // for a replica to catch up
	failoverInProgress              // the target has been asked to take over
)

// failoverSteps are their names in INFO.
var failoverSteps = [...]string{"no-failover", "waiting-for-sync", "failover-in-progress"}

// cmdFailover serves FAILOVER [TO host port [FORCE]] [ABORT] [TIMEOUT ms].
func (kv *KVStore) cmdFailover(c *Client, args []string) error {
	f := &kv.repl.failover
	if len(args) == 2 && is(args[1], "abort") {
		if f.state == failoverNone {
			return errf("ERR No failover in progress.")
		}
		kv.abortFailover("Failover manually aborted")
		c.reply.OK()
		return nil
	}
	wanted, timeout, err := parseFailover(args[1:])
	switch {
	case err != nil:
		return err
	case f.state != failoverNone:
		return errf("ERR FAILOVER already in progress.")
	case kv.Info.Role == "slave":
		return errf("ERR FAILOVER is not valid when server is a replica.")
	case len(kv.repl.replicas) == 0:
		return errf("ERR FAILOVER requires connected replicas.")
	case wanted.force && (timeout == 0 || wanted.host == ""):
		return errf("ERR FAILOVER with force option requires both a timeout and target HOST and IP.")
	}
	if wanted.host != "" {
		switch target := kv.replicaAt(wanted.host, wanted.port); {
		case target == nil:
			return errf("ERR FAILOVER target HOST and PORT is not a replica.")
		case target.replica.phase != replicaOnline:
			return errf("ERR FAILOVER target replica is not online.")
		}
		kv.log(logNotice, "FAILOVER requested to %s:%d.", wanted.host, wanted.port)
	} else {
		kv.log(logNotice, "FAILOVER requested to any replica.")
	}
	*f = wanted
	if timeout > 0 {
		f.endMs = kv.nowMs + timeout
	}
	f.state = failoverWaiting
	kv.pauseFor(pauseForFailover, pauseWrites, math.MaxInt64-kv.nowMs)
	c.reply.OK()
	return nil
}

// parseFailover reads the options of FAILOVER.
func parseFailover(args []string) (f failoverState, timeout int64, err error) {
	named := false
	for i := 0; i < len(args); i++ {
		left := len(args) - i - 1
		switch {
		case is(args[i], "timeout") && left >= 1 && timeout == 0:
			if timeout, err = parseInt(args[i+1]); err != nil {
				return f, 0, err
			}
			if timeout <= 0 {
				return f, 0, errf("ERR FAILOVER timeout must be greater than 0")
			}
			i++
		case is(args[i], "to") && left >= 2 && !named:
			if f.port, err = parseInt(args[i+2]); err != nil {
				return f, 0, err
			}
			named, f.host = true, strings.Clone(args[i+1])
			i += 2
		case is(args[i], "force") && !f.force:
			f.force = true
		default:
			return f, 0, errSyntax
		}
	}
	return f, timeout, nil
}

// replicaAt is the replica that has announced an address, nil when there is none.
func (kv *KVStore) replicaAt(host string, port int64) *Client {
	for _, c := range kv.repl.replicas {
		if strings.EqualFold(host, c.replicaIP()) && c.replica.port == port {
			return c
		}
	}
	return nil
}

// tickFailover hands over when a replica has caught up, or when the time is up.
func (kv *KVStore) tickFailover() {
	f := &kv.repl.failover
	if f.state != failoverWaiting {
		return
	}
	if f.endMs != 0 && f.endMs <= kv.nowMs {
		if !f.force {
			kv.abortFailover("Replica never caught up before timeout")
			return
		}
		kv.log(logNotice, "FAILOVER to %s:%d time out exceeded, failing over.", f.host, f.port)
		kv.yieldToTarget()
		return
	}
	for _, c := range kv.repl.replicas {
		if c.replica.ack != kv.repl.stream.offset || c.replica.phase != replicaOnline {
			continue
		}
		if f.host == "" || c == kv.replicaAt(f.host, f.port) {
			f.host, f.port = c.replicaIP(), c.replica.port
			kv.log(logNotice, "Failover target %s:%d is synced, failing over.", f.host, f.port)
			kv.yieldToTarget()
			return
		}
	}
}

// yieldToTarget has the target of a failover take over.
func (kv *KVStore) yieldToTarget() {
	f := &kv.repl.failover
	f.state = failoverInProgress
	kv.becomeReplica(f.host, int(f.port))
}

// failoverDone is called when the target has taken over.
func (kv *KVStore) failoverDone() {
	if kv.repl.failover.state != failoverNone {
		kv.repl.failover = failoverState{}
		kv.unpause(pauseForFailover)
	}
}

// abortFailover ends a failover that does not come to anything. Who has become a
// replica for it is a master again.
func (kv *KVStore) abortFailover(why string) {
	f := &kv.repl.failover
	if f.state == failoverNone {
		return
	}
	if f.host != "" {
		kv.log(logNotice, "FAILOVER to %s:%d aborted: %s", f.host, f.port, why)
	} else {
		kv.log(logNotice, "FAILOVER to any replica aborted: %s", why)
	}
	if f.state == failoverInProgress {
		kv.becomeMaster()
	}
	kv.failoverDone()
}
