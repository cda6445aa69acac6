package store

// SUBSCRIBE and PUBLISH, by channel, pattern and shard channel, and PUBSUB,
// which says who listens to what.

const (
	subscribeFlags = pubsub | noScript | loading | stale | inPubsub
	publishFlags   = pubsub | loading | stale | fast | mayReplicate
	pubsubSub      = pubsub | loading | stale
)

var pubsubCommands = []command{
	{name: "psubscribe", arity: -2, flags: subscribeFlags, channels: patternChannels, run: (*KVStore).cmdPsubscribe},
	{name: "publish", arity: 3, flags: publishFlags, channels: oneChannel, run: (*KVStore).cmdPublish},
	{name: "pubsub", arity: -2, subs: []command{
		{name: "channels", arity: -2, flags: pubsubSub, run: (*KVStore).cmdPubsubChannels},
		{name: "help", arity: 2, flags: loading | stale, run: (*KVStore).cmdPubsubHelp},
		{name: "numpat", arity: 2, flags: pubsubSub, run: (*KVStore).cmdPubsubNumpat},
		{name: "numsub", arity: -2, flags: pubsubSub, run: (*KVStore).cmdPubsubNumsub},
		{name: "shardchannels", arity: -2, flags: pubsubSub, run: (*KVStore).cmdPubsubShardchannels},
		{name: "shardnumsub", arity: -2, flags: pubsubSub, run: (*KVStore).cmdPubsubShardnumsub},
	}},
	{name: "punsubscribe", arity: -1, flags: subscribeFlags, run: (*KVStore).cmdPunsubscribe},
	{name: "spublish", arity: 3, flags: publishFlags, keys: key1(keyNotKey), channels: oneChannel, run: (*KVStore).cmdSpublish},
	{name: "ssubscribe", arity: -2, flags: subscribeFlags, keys: keyRange(1, -1, 1, keyNotKey), channels: allChannels, run: (*KVStore).cmdSsubscribe},
	{name: "subscribe", arity: -2, flags: subscribeFlags, channels: allChannels, run: (*KVStore).cmdSubscribe},
	{name: "sunsubscribe", arity: -1, flags: subscribeFlags, keys: keyRange(1, -1, 1, keyNotKey), run: (*KVStore).cmdSunsubscribe},
	{name: "unsubscribe", arity: -1, flags: subscribeFlags, run: (*KVStore).cmdUnsubscribe},
}

// cmdSubscribe serves SUBSCRIBE channel [channel ...].
func (kv *KVStore) cmdSubscribe(c *Client, args []string) error {
	kv.subscribeTo(c, channelTopic, args)
	return nil
}

// cmdPsubscribe serves PSUBSCRIBE pattern [pattern ...].
func (kv *KVStore) cmdPsubscribe(c *Client, args []string) error {
	kv.subscribeTo(c, patternTopic, args)
	return nil
}

// cmdSsubscribe serves SSUBSCRIBE shardchannel [shardchannel ...]. Unlike the
// other two, which are older than the rule, it is not allowed in a transaction.
func (kv *KVStore) cmdSsubscribe(c *Client, args []string) error {
	if kv.nesting > 0 {
		return errf("ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client")
	}
	kv.subscribeTo(c, shardTopic, args)
	return nil
}

// cmdUnsubscribe serves UNSUBSCRIBE [channel [channel ...]].
func (kv *KVStore) cmdUnsubscribe(c *Client, args []string) error {
	kv.unsubscribeFrom(c, channelTopic, args)
	return nil
}

// cmdPunsubscribe serves PUNSUBSCRIBE [pattern [pattern ...]].
func (kv *KVStore) cmdPunsubscribe(c *Client, args []string) error {
	kv.unsubscribeFrom(c, patternTopic, args)
	return nil
}

// cmdSunsubscribe serves SUNSUBSCRIBE [shardchannel [shardchannel ...]].
func (kv *KVStore) cmdSunsubscribe(c *Client, args []string) error {
	kv.unsubscribeFrom(c, shardTopic, args)
	return nil
}

// cmdPublish serves PUBLISH channel message.
func (kv *KVStore) cmdPublish(c *Client, args []string) error {
	c.reply.Int(int64(kv.publish(args[1], args[2])))
	kv.propagateToReplicas(c, args)
	return nil
}

// cmdSpublish serves SPUBLISH shardchannel message.
func (kv *KVStore) cmdSpublish(c *Client, args []string) error {
	c.reply.Int(int64(kv.publishShard(args[1], args[2])))
	kv.propagateToReplicas(c, args)
	return nil
}

// confirmWords begin the confirmations of subscribing and unsubscribing.
var confirmWords = [topicKinds]struct{ subscribed, unsubscribed string }{
	channelTopic: {"subscribe", "unsubscribe"},
	patternTopic: {"psubscribe", "punsubscribe"},
	shardTopic:   {"ssubscribe", "sunsubscribe"},
}

// subscribeTo subscribes to each name and confirms each.
func (kv *KVStore) subscribeTo(c *Client, kind topicKind, args []string) {
	for _, name := range args[1:] {
		kv.subscribe(c, kind, name)
		c.confirm(confirmWords[kind].subscribed, &name, c.subs.shownCount(kind))
	}
}

// unsubscribeFrom unsubscribes from each name, or from all of the kind when
// there is none, and confirms each; from nothing at all, once with no name.
func (kv *KVStore) unsubscribeFrom(c *Client, kind topicKind, args []string) {
	word := confirmWords[kind].unsubscribed
	for _, name := range args[1:] {
		kv.unsubscribe(c, kind, name)
		c.confirm(word, &name, c.subs.shownCount(kind))
	}
	if len(args) > 1 {
		return
	}
	topics := c.subs.inOrder(kind)
	for _, t := range topics {
		kv.abandon(c, t)
		c.confirm(word, &t.name, c.subs.shownCount(kind))
	}
	if len(topics) == 0 {
		c.confirm(word, nil, c.subs.shownCount(kind))
	}
}

// confirm tells the client of a change of its subscriptions.
func (c *Client) confirm(word string, name *string, count int) {
	mark, ok := c.beginPush()
	if !ok {
		return
	}
	c.reply.Push(3)
	c.reply.Bulk(word)
	if name == nil {
		c.reply.Null()
	} else {
		c.reply.Bulk(*name)
	}
	c.reply.Int(int64(count))
	c.endPush(mark)
}

// cmdPubsubHelp serves PUBSUB HELP.
func (kv *KVStore) cmdPubsubHelp(c *Client, args []string) error {
	c.replyHelp("PUBSUB",
		"CHANNELS [<pattern>]",
		"    The channels that have subscribers, all or those that match <pattern>.",
		"NUMPAT",
		"    How many patterns have subscribers.",
		"NUMSUB [<channel> ...]",
		"    How many subscribers each channel has. Those who listen by a pattern",
		"    are not counted.",
		"SHARDCHANNELS [<pattern>]",
		"    The shard channels that have subscribers, all or those that match <pattern>.",
		"SHARDNUMSUB [<shardchannel> ...]",
		"    How many subscribers each shard channel has.")
	return nil
}

// cmdPubsubChannels serves PUBSUB CHANNELS [pattern].
func (kv *KVStore) cmdPubsubChannels(c *Client, args []string) error {
	return kv.replyTopics(c, channelTopic, args)
}

// cmdPubsubShardchannels serves PUBSUB SHARDCHANNELS [pattern].
func (kv *KVStore) cmdPubsubShardchannels(c *Client, args []string) error {
	return kv.replyTopics(c, shardTopic, args)
}

func (kv *KVStore) replyTopics(c *Client, kind topicKind, args []string) error {
	var pattern *string
	switch len(args) {
	case 2:
	case 3:
		pattern = &args[2]
	default:
		return errUnknownSubOrArity("pubsub", args[1])
	}
	c.reply.StringArray(kv.channels.names(kind, pattern))
	return nil
}

// cmdPubsubNumpat serves PUBSUB NUMPAT.
func (kv *KVStore) cmdPubsubNumpat(c *Client, args []string) error {
	c.reply.Int(int64(kv.channels.patternCount()))
	return nil
}

// cmdPubsubNumsub serves PUBSUB NUMSUB [channel [channel ...]].
func (kv *KVStore) cmdPubsubNumsub(c *Client, args []string) error {
	kv.replyListeners(c, channelTopic, args[2:])
	return nil
}

// cmdPubsubShardnumsub serves PUBSUB SHARDNUMSUB [shardchannel [shardchannel ...]].
func (kv *KVStore) cmdPubsubShardnumsub(c *Client, args []string) error {
	kv.replyListeners(c, shardTopic, args[2:])
	return nil
}

func (kv *KVStore) replyListeners(c *Client, kind topicKind, names []string) {
	c.reply.Array(2 * len(names))
	for _, name := range names {
		c.reply.Bulk(name)
		c.reply.Int(int64(kv.channels.listeners(kind, name)))
	}
}
