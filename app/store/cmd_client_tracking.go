package store

import (
	"slices"
	"strings"
)

// CLIENT TRACKING, CACHING, GETREDIR and TRACKINGINFO; what they steer is in
// tracking.go.

const (
	errOneRedirect    replyError = "ERR A client can only redirect to a single other client"
	errRedirectGone   replyError = "ERR The client ID you want redirect to does not exist"
	errPrefixNoBcast  replyError = "ERR PREFIX option requires BCAST mode to be enabled"
	errSwitchBcast    replyError = "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling it with a different mode."
	errOptWithBcast   replyError = "ERR OPTIN and OPTOUT are not compatible with BCAST"
	errBothOpts       replyError = "ERR You can't specify both OPTIN mode and OPTOUT mode"
	errSwitchOpt      replyError = "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then re-enabling it with a different mode."
	errCachingMode    replyError = "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled"
	errCachingNoOptIn replyError = "ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode."
	errCachingNoOut   replyError = "ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode."
)

// cmdClientTracking serves CLIENT TRACKING ON|OFF [REDIRECT id] [PREFIX prefix
// [PREFIX prefix ...]] [BCAST] [OPTIN] [OPTOUT] [NOLOOP].
func (kv *KVStore) cmdClientTracking(c *Client, args []string) error {
	var options clientTracking
	if err := options.parse(kv, args[3:]); err != nil {
		return err
	}
	switch {
	case is(args[2], "on"):
		if err := options.check(c); err != nil {
			return err
		}
		kv.enableTracking(c, options)
	case is(args[2], "off"):
		kv.disableTracking(c)
	default:
		return errSyntax
	}
	c.reply.OK()
	return nil
}

// parse reads the options. The prefixes are views of them.
func (t *clientTracking) parse(kv *KVStore, options []string) error {
	for i := 0; i < len(options); i++ {
		more := i+1 < len(options)
		switch {
		case is(options[i], "redirect") && more:
			i++
			if t.redirect != 0 {
				return errOneRedirect
			}
			id, err := parseInt(options[i])
			if err != nil {
				return err
			}
			if kv.clients[id] == nil {
				return errRedirectGone
			}
			t.redirect = id
		case is(options[i], "bcast"):
			t.bcast = true
		case is(options[i], "optin"):
			t.optIn = true
		case is(options[i], "optout"):
			t.optOut = true
		case is(options[i], "noloop"):
			t.noLoop = true
		case is(options[i], "prefix") && more:
			i++
			t.prefixes = append(t.prefixes, options[i])
		default:
			return errSyntax
		}
	}
	return nil
}

// check refuses options that do not fit each other or what the client does.
func (t *clientTracking) check(c *Client) error {
	now := clientTracking{bcast: t.bcast}
	if c.tracks() {
		now = *c.tracking
	}
	switch {
	case !t.bcast && len(t.prefixes) > 0:
		return errPrefixNoBcast
	case t.bcast != now.bcast:
		return errSwitchBcast
	case t.bcast && (t.optIn || t.optOut):
		return errOptWithBcast
	case t.optIn && t.optOut:
		return errBothOpts
	case t.optIn && now.optOut || t.optOut && now.optIn:
		return errSwitchOpt
	}
	return t.checkPrefixes(now.prefixes)
}

// checkPrefixes refuses prefixes one of which begins with another, or with one
// that the client has already: it would be told twice of one change.
func (t *clientTracking) checkPrefixes(have []string) error {
	for i, p := range t.prefixes {
		if other, ok := overlapping(p, have); ok {
			return errf("ERR Prefix '%s' overlaps with an existing prefix '%s'. Prefixes for a single client must not overlap.",
				cString(p), cString(other))
		}
		if other, ok := overlapping(p, t.prefixes[i+1:]); ok {
			return errf("ERR Prefix '%s' overlaps with another provided prefix '%s'. Prefixes for a single client must not overlap.",
				cString(p), cString(other))
		}
	}
	return nil
}

// overlapping finds among others one that begins with p, or that p begins with.
func overlapping(p string, others []string) (string, bool) {
	i := slices.IndexFunc(others, func(o string) bool { return strings.HasPrefix(o, p) || strings.HasPrefix(p, o) })
	if i < 0 {
		return "", false
	}
	return others[i], true
}

// cmdClientCaching serves CLIENT CACHING YES|NO: whether what the next command
// reads is tracked, in a mode where this is to be said.
func (kv *KVStore) cmdClientCaching(c *Client, args []string) error {
	if !c.tracks() {
		return errCachingMode
	}
	switch {
	case is(args[2], "yes"):
		if !c.tracking.optIn {
			return errCachingNoOptIn
		}
	case is(args[2], "no"):
		if !c.tracking.optOut {
			return errCachingNoOut
		}
	default:
		return errSyntax
	}
	c.tracking.caching = true
	c.reply.OK()
	return nil
}

// cmdClientGetredir serves CLIENT GETREDIR.
func (kv *KVStore) cmdClientGetredir(c *Client, args []string) error {
	c.reply.Int(c.redirectsTo())
	return nil
}

// redirectsTo is the client that hears of this one's keys: 0 for itself, and -1
// when it tracks none.
func (c *Client) redirectsTo() int64 {
	if !c.tracks() {
		return -1
	}
	return c.tracking.redirect
}

// cmdClientTrackinginfo serves CLIENT TRACKINGINFO.
func (kv *KVStore) cmdClientTrackinginfo(c *Client, args []string) error {
	var t clientTracking
	if c.tracks() {
		t = *c.tracking
	}
	flags := t.words()
	c.reply.Map(3)
	c.reply.Bulk("flags")
	c.reply.Set(len(flags))
	for _, flag := range flags {
		c.reply.Bulk(flag)
	}
	c.reply.Bulk("redirect")
	c.reply.Int(c.redirectsTo())
	c.reply.Bulk("prefixes")
	c.reply.Array(len(t.prefixes))
	for _, p := range t.prefixes {
		c.reply.Bulk(p)
	}
	return nil
}

// words are the flags as CLIENT TRACKINGINFO names them.
func (t *clientTracking) words() []string {
	words := []string{"off"}
	if t.on {
		words[0] = "on"
	}
	for _, f := range []struct {
		set  bool
		word string
	}{
		{t.bcast, "bcast"},
		{t.optIn, "optin"},
		{t.optIn && t.caching, "caching-yes"},
		{t.optOut, "optout"},
		{t.optOut && t.caching, "caching-no"},
		{t.noLoop, "noloop"},
		{t.broken, "broken_redirect"},
	} {
		if f.set {
			words = append(words, f.word)
		}
	}
	return words
}
