package store

// Consumer groups.

// groupCount is the number of groups.
func (s *stream) groupCount() int { return 0 }

// drainGroups frees so many things of a dropped stream's groups, and reports
// whether nothing is left.
func (kv *KVStore) drainGroups(s *stream, steps int) (done bool) { return true }

// copyGroups copies the groups of a stream to its copy.
func (kv *KVStore) copyGroups(from, to *stream) {}

// groupBytes is the memory of a stream's groups, as blockBytes counts it.
func (kv *KVStore) groupBytes(s *stream, samples int64) int64 { return 0 }
