package store

import "github.com/codecrafters-io/redis-starter-go/app/resp"

// COMMAND INFO: a record as clients see it.

// A flagName is how COMMAND calls a flag.
type flagName[F flagSet] struct {
	flag F
	name string
}

// cmdFlagNames are the flags that COMMAND INFO shows, in its order. It keeps
// quiet about mayReplicate.
var cmdFlagNames = []flagName[cmdFlags]{
	{write, "write"},
	{readonly, "readonly"},
	{denyOOM, "denyoom"},
	{admin, "admin"},
	{pubsub, "pubsub"},
	{noScript, "noscript"},
	{blocking, "blocking"},
	{loading, "loading"},
	{stale, "stale"},
	{skipMonitor, "skip_monitor"},
	{skipSlowlog, "skip_slowlog"},
	{asking, "asking"},
	{fast, "fast"},
	{noAuth, "no_auth"},
	{noMandatoryKeys, "no_mandatory_keys"},
	{noAsyncLoading, "no_async_loading"},
	{noMulti, "no_multi"},
	{movableKeys, "movablekeys"},
	{allowBusy, "allow_busy"},
}

var keyFlagNames = []flagName[keyFlags]{
	{keyRO, "RO"},
	{keyRW, "RW"},
	{keyOW, "OW"},
	{keyRM, "RM"},
	{keyAccess, "access"},
	{keyUpdate, "update"},
	{keyInsert, "insert"},
	{keyDelete, "delete"},
	{keyNotKey, "not_key"},
	{keyIncomplete, "incomplete"},
	{keyVariable, "variable_flags"},
}

var docArgFlagNames = []flagName[docArgFlags]{
	{argOptional, "optional"},
	{argMultiple, "multiple"},
	{argMultipleToken, "multiple_token"},
}

type flagSet interface {
	cmdFlags | keyFlags | docArgFlags
}

// namesOf are the names of the flags that are set.
func namesOf[F flagSet](flags F, names []flagName[F]) []string {
	var set []string
	for _, n := range names {
		if flags&n.flag != 0 {
			set = append(set, n.name)
		}
	}
	return set
}

// replyStatuses writes a set of words.
func replyStatuses(w *resp.Writer, words []string) {
	w.Set(len(words))
	for _, word := range words {
		w.Status(word)
	}
}

// replyCommandInfo writes what COMMAND INFO shows of a command.
func replyCommandInfo(w *resp.Writer, cmd *command) {
	doc := cmd.doc()
	first, last, step := legacyRange(cmd.keys)
	w.Array(10)
	w.Bulk(cmd.full)
	w.Int(int64(cmd.arity))
	replyStatuses(w, namesOf(cmd.flags, cmdFlagNames))
	w.Int(int64(first))
	w.Int(int64(last))
	w.Int(int64(step))
	replyCategories(w, cmd.categories())
	w.Set(len(doc.tips))
	for _, tip := range doc.tips {
		w.Bulk(tip)
	}
	w.Set(len(cmd.keys))
	for i := range cmd.keys {
		replyKeySpec(w, &cmd.keys[i], doc.notes[i])
	}
	if cmd.subs == nil {
		w.Set(0)
		return
	}
	w.Array(len(cmd.subs))
	for i := range cmd.subs {
		replyCommandInfo(w, &cmd.subs[i])
	}
}

func replyCategories(w *resp.Writer, cats aclCategory) {
	var words []string
	for i, name := range aclCategoryNames {
		if cats.has(1 << i) {
			words = append(words, "@"+name)
		}
	}
	replyStatuses(w, words)
}

// replyKeySpec writes one key spec, with the note on it, if any.
func replyKeySpec(w *resp.Writer, s *keySpec, note string) {
	if note == "" {
		w.Map(3)
	} else {
		w.Map(4)
		w.Bulk("notes")
		w.Bulk(note)
	}
	w.Bulk("flags")
	replyStatuses(w, namesOf(s.flags, keyFlagNames))
	w.Bulk("begin_search")
	replyBeginSearch(w, s)
	w.Bulk("find_keys")
	replyFindKeys(w, s)
}

func replyBeginSearch(w *resp.Writer, s *keySpec) {
	switch {
	case s.unknown:
		replySpec(w, "unknown", 0)
	case s.keyword != "":
		replySpec(w, "keyword", 2)
		w.Bulk("keyword")
		w.Bulk(s.keyword)
		replyField(w, "startfrom", s.from)
	default:
		replySpec(w, "index", 1)
		replyField(w, "index", s.index)
	}
}

func replyFindKeys(w *resp.Writer, s *keySpec) {
	switch {
	case s.unknown:
		replySpec(w, "unknown", 0)
	case s.numkeys:
		replySpec(w, "keynum", 3)
		replyField(w, "keynumidx", 0)
		replyField(w, "firstkey", 1)
		replyField(w, "keystep", 1)
	default:
		replySpec(w, "range", 3)
		replyField(w, "lastkey", s.last)
		replyField(w, "keystep", s.step)
		replyField(w, "limit", s.limit)
	}
}

// replySpec begins a part of a key spec that has n fields.
func replySpec(w *resp.Writer, kind string, n int) {
	w.Map(2)
	w.Bulk("type")
	w.Bulk(kind)
	w.Bulk("spec")
	w.Map(n)
}

func replyField(w *resp.Writer, name string, n int) {
	w.Bulk(name)
	w.Int(int64(n))
}
