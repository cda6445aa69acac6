package store

// FAILOVER.

// A failoverState is a failover that FAILOVER has begun.
type failoverState struct {
	state failoverStep
}

// A failoverStep is how far it has come.
type failoverStep uint8

const (
	failoverNone       failoverStep = iota
	failoverInProgress              // the target has been asked to take over
)

// failoverDone is called when the target has taken over.
func (kv *KVStore) failoverDone() { kv.repl.failover = failoverState{} }

// abortFailover ends a failover that does not come to anything.
func (kv *KVStore) abortFailover(why string) {
	kv.log(logNotice, "FAILOVER aborted: %s", why)
	kv.repl.failover = failoverState{}
}
