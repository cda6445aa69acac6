package store

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/codecrafters-io/redis-starter-go/app/intset"
	"github.com/codecrafters-io/redis-starter-go/app/listpack"
	"github.com/codecrafters-io/redis-starter-go/app/rdb"
	"github.com/codecrafters-io/redis-starter-go/app/resp"
)

// A base of commands, as aof-use-rdb-preamble no wants it. The snapshot is written
// beside it first, and then read again to be told in commands: all of that without
// the mutex, since the data is not needed any more.

// A snapshotTeller tells a snapshot in commands.
type snapshotTeller struct {
	r      *rdb.Reader
	out    *bufio.Writer
	head   []byte // of the command at hand
	body   []byte // its arguments
	n      int    // their number
	key    string
	expire int64
}

// tellItems is how many elements a command has at most.
const tellItems = 64

// asCommands has fill write a snapshot into a file beside another one, and writes
// to that what it says.
func asCommands(dst *os.File, stamp bool, fill func(io.Writer) error) error {
	name := dst.Name() + ".rdb"
	f, err := os.OpenFile(name, os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o644)
	if err != nil {
		return err
	}
	defer os.Remove(name)
	defer f.Close()
	if err := fill(f); err != nil {
		return err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	r, err := rdb.NewReader(f, rdb.WithoutChecksum())
	if err != nil {
		return err
	}
	t := &snapshotTeller{r: r, out: bufio.NewWriterSize(dst, spillBytes)}
	if stamp {
		fmt.Fprintf(t.out, "#TS:%d\r\n", time.Now().Unix())
	}
	if err := t.tell(); err != nil {
		return err
	}
	return t.out.Flush()
}

// tell tells all of it.
func (t *snapshotTeller) tell() error {
	for {
		event, err := t.r.Next()
		switch {
		case err != nil:
			return err
		case event == rdb.EventEnd:
			return nil
		case event == rdb.EventSelectDB:
			t.command("SELECT", formatInt(int64(t.r.DB)))
		case event == rdb.EventKey:
			t.key, t.expire = t.r.Key, t.r.Expire
			if err := t.value(); err != nil {
				return err
			}
			if t.expire != -1 {
				t.command("PEXPIREAT", t.key, formatInt(t.expire))
			}
		}
	}
}

// command writes a whole command.
func (t *snapshotTeller) command(args ...string) {
	t.add(args...)
	t.end()
}

// begin begins a command on the key at hand, if there is none.
func (t *snapshotTeller) begin(name string) {
	if t.n == 0 {
		t.add(name, t.key)
	}
}

// add adds arguments to the command at hand.
func (t *snapshotTeller) add(args ...string) {
	for _, arg := range args {
		t.body = resp.AppendBulk(t.body, arg)
	}
	t.n += len(args)
}

// full ends the command at hand when it is long enough.
func (t *snapshotTeller) full(each int) {
	if t.n >= 2+each*tellItems {
		t.end()
	}
}

// end writes the command at hand, if there is one. The writer keeps its errors.
func (t *snapshotTeller) end() {
	if t.n == 0 {
		return
	}
	t.head = append(append(append(t.head[:0], '*'), formatInt(int64(t.n))...), "\r\n"...)
	t.out.Write(t.head)
	t.out.Write(t.body)
	t.body, t.n = t.body[:0], 0
	if cap(t.body) > busySize {
		t.body = nil
	}
}

// value tells the value at hand.
func (t *snapshotTeller) value() error {
	defer t.end()
	switch t.r.Type {
	case rdb.TypeString:
		s, err := t.r.String()
		t.add("SET", t.key, s)
		return err
	case rdb.TypeList:
		return t.list()
	case rdb.TypeSet:
		return t.each("SADD", 1, func() error {
			member, err := t.r.Element()
			t.add(member)
			return err
		})
	case rdb.TypeSetIntset:
		b, err := t.r.Blob()
		for i := 0; err == nil && i < intset.Len(b); i++ {
			t.begin("SADD")
			t.add(formatInt(intset.At(b, i)))
			t.full(1)
		}
		return err
	case rdb.TypeZset:
		return t.each("ZADD", 2, func() error {
			member, score, err := t.r.Member()
			t.add(string(appendScore(nil, score)), member)
			return err
		})
	case rdb.TypeZsetListpack:
		return t.listpackOf("ZADD", true)
	case rdb.TypeHash:
		return t.each("HSET", 2, func() error {
			field, value, err := t.r.Field()
			t.add(field, value)
			return err
		})
	case rdb.TypeHashListpack:
		return t.listpackOf("HSET", false)
	case rdb.TypeHashExpire:
		return t.expiringHash()
	case rdb.TypeStream:
		return t.stream()
	}
	return errors.New("a value that has no commands")
}

// each tells a value piece by piece, each of so many arguments.
func (t *snapshotTeller) each(name string, args int, piece func() error) error {
	for t.r.Len() > 0 {
		t.begin(name)
		if err := piece(); err != nil {
			return err
		}
		t.full(args)
	}
	return nil
}

// list tells a list.
func (t *snapshotTeller) list() error {
	for t.r.Len() > 0 {
		b, packed, err := t.r.Node()
		if err != nil {
			return err
		}
		if !packed {
			t.begin("RPUSH")
			t.add(viewString(b))
			t.full(1)
			continue
		}
		for p := listpack.First(b); !listpack.AtEnd(b, p); p = listpack.Next(b, p) {
			t.begin("RPUSH")
			t.add(entryText(b, p))
			t.full(1)
		}
	}
	return nil
}

// listpackOf tells a value of pairs that is a listpack, swapped or as they come.
func (t *snapshotTeller) listpackOf(name string, swapped bool) error {
	b, err := t.r.Blob()
	if err != nil {
		return err
	}
	for p := listpack.First(b); !listpack.AtEnd(b, p); {
		next := listpack.Next(b, p)
		first, second := entryText(b, p), entryText(b, next)
		if swapped {
			first, second = second, first
		}
		t.begin(name)
		t.add(first, second)
		t.full(2)
		p = listpack.Next(b, next)
	}
	return nil
}

// entryText is an entry of a listpack as a string.
func entryText(b []byte, p int) string { return textIn(listpack.Get(b, p), nil) }

// expiringHash tells a hash with fields that expire.
func (t *snapshotTeller) expiringHash() error {
	for t.r.Len() > 0 {
		field, value, at, err := t.r.FieldExpire()
		if err != nil {
			return err
		}
		t.command("HSET", t.key, field, value)
		if at > 0 {
			t.command("HPEXPIREAT", t.key, formatInt(at), "FIELDS", "1", field)
		}
	}
	return nil
}

// A deliveredEntry is what is known of an entry that is pending.
type deliveredEntry struct {
	at    int64
	count uint64
}

// stream tells a stream with its groups.
func (t *snapshotTeller) stream() error {
	var group, consumer string
	var pending map[rdb.StreamID]deliveredEntry
	for t.r.Len() > 0 {
		item, err := t.r.Stream()
		if err != nil {
			return err
		}
		switch item.Kind {
		case rdb.StreamNode:
			t.streamNode(item.ID, item.Node)
		case rdb.StreamInfo:
			t.streamInfo(&item.Info)
		case rdb.StreamGroup:
			group = strings.Clone(item.Name)
			pending = make(map[rdb.StreamID]deliveredEntry)
			t.command("XGROUP", "CREATE", t.key, group, idText(item.ID), "ENTRIESREAD", formatInt(item.EntriesRead))
		case rdb.StreamPending:
			pending[item.ID] = deliveredEntry{item.Time, item.Deliveries}
		case rdb.StreamConsumer:
			consumer = strings.Clone(item.Name)
			t.command("XGROUP", "CREATECONSUMER", t.key, group, consumer)
		case rdb.StreamOwned:
			d := pending[item.ID]
			t.command("XCLAIM", t.key, group, consumer, "0", idText(item.ID), "TIME", formatInt(d.at),
				"RETRYCOUNT", formatInt(int64(d.count)), "JUSTID", "FORCE")
		}
	}
	return nil
}

// streamInfo tells what is known of a stream as a whole, and makes one that has no
// entries.
func (t *snapshotTeller) streamInfo(info *rdb.StreamFacts) {
	if info.Length == 0 {
		t.command("XADD", t.key, "MAXLEN", "0", "0-1", "x", "y")
	}
	t.command("XSETID", t.key, idText(info.LastID), "ENTRIESADDED", formatInt(int64(info.EntriesAdded)),
		"MAXDELETEDID", idText(info.MaxDeletedID))
}

func idText(id rdb.StreamID) string { return streamID{id.Ms, id.Seq}.String() }

// streamNode tells the entries of a node, whose form the reader has checked.
func (t *snapshotTeller) streamNode(master rdb.StreamID, b []byte) {
	p := listpack.First(b)
	number := func() int64 {
		_, n, _ := listpack.Read(b, p)
		p = listpack.Next(b, p)
		return n
	}
	text := func() string {
		s := entryText(b, p)
		p = listpack.Next(b, p)
		return s
	}
	number() // entries
	number() // deleted ones
	names := make([]string, number())
	for i := range names {
		names[i] = text()
	}
	number() // the end of the master entry
	for !listpack.AtEnd(b, p) {
		flags := number()
		id := rdb.StreamID{Ms: master.Ms + uint64(number()), Seq: master.Seq + uint64(number())}
		same := flags&entrySameFields != 0
		fields := int64(len(names))
		if !same {
			fields = number()
		}
		t.add("XADD", t.key, idText(id))
		for i := range fields {
			if same {
				t.add(names[i], text())
			} else {
				t.add(text(), text())
			}
		}
		number() // the way back
		if flags&entryDeleted != 0 {
			t.body, t.n = t.body[:0], 0
			continue
		}
		t.end()
	}
}
