package store

import (
	"math"
	"strconv"

	"github.com/codecrafters-io/redis-starter-go/app/geohash"
)

// The commands on places, which are members of sorted sets whose scores are
// geohashes. Searching is in cmd_geo_search.go.

var geoCommands = []command{
	{name: "geoadd", arity: -5, flags: write | denyOOM, cats: catGeo, keys: key1(keyRW | keyUpdate), run: (*KVStore).cmdGeoadd},
	{name: "geodist", arity: -4, flags: readonly, cats: catGeo, keys: key1(keyRO | keyAccess), run: (*KVStore).cmdGeodist},
	{name: "geohash", arity: -2, flags: readonly, cats: catGeo, keys: key1(keyRO | keyAccess), run: (*KVStore).cmdGeohash},
	{name: "geopos", arity: -2, flags: readonly, cats: catGeo, keys: key1(keyRO | keyAccess), run: (*KVStore).cmdGeopos},
	{name: "georadius", arity: -6, flags: write | denyOOM | movableKeys, cats: catGeo, keys: georadiusKeys(6), run: (*KVStore).cmdGeoradius},
	{name: "georadius_ro", arity: -6, flags: readonly, cats: catGeo, keys: key1(keyRO | keyAccess), run: (*KVStore).cmdGeoradiusRo},
	{name: "georadiusbymember", arity: -5, flags: write | denyOOM | movableKeys, cats: catGeo, keys: georadiusKeys(5), run: (*KVStore).cmdGeoradiusbymember},
	{name: "georadiusbymember_ro", arity: -5, flags: readonly, cats: catGeo, keys: key1(keyRO | keyAccess), run: (*KVStore).cmdGeoradiusbymemberRo},
	{name: "geosearch", arity: -7, flags: readonly, cats: catGeo, keys: key1(keyRO | keyAccess), run: (*KVStore).cmdGeosearch},
	{name: "geosearchstore", arity: -8, flags: write | denyOOM, cats: catGeo,
		keys: append(key1(keyOW|keyUpdate), keyAt(2, keyRO|keyAccess)...), run: (*KVStore).cmdGeosearchstore},
}

// georadiusKeys are the keys of GEORADIUS or GEORADIUSBYMEMBER, whose options
// begin at an argument.
func georadiusKeys(options int) []keySpec {
	return append(key1(keyRO|keyAccess),
		keySpec{flags: keyOW | keyUpdate, keyword: "STORE", from: options, step: 1},
		keySpec{flags: keyOW | keyUpdate, keyword: "STOREDIST", from: options, step: 1})
}

// cmdGeoadd serves GEOADD key [NX|XX] [CH] longitude latitude member [longitude latitude member ...].
// It goes out as the ZADD that it is.
func (kv *KVStore) cmdGeoadd(c *Client, args []string) error {
	var o zaddOptions
	places := args[2:]
	for ; len(places) > 0; places = places[1:] {
		if is(places[0], "nx") {
			o.nx = true
		} else if is(places[0], "xx") {
			o.xx = true
		} else if is(places[0], "ch") {
			o.changed = true
		} else {
			break
		}
	}
	if len(places)%3 != 0 || o.nx && o.xx {
		return errSyntax
	}
	var scores []float64
	pairs := make([]string, 0, len(places)/3*2)
	for ; len(places) > 0; places = places[3:] {
		lon, lat, err := parsePlace(places)
		if err != nil {
			return err
		}
		hash := geohash.Encode(lon, lat, geohash.StepMax).Bits
		scores = append(scores, float64(hash))
		pairs = append(pairs, formatInt(int64(hash)), places[2])
	}
	if len(pairs) == 0 {
		return errSyntax // as ZADD says of it
	}
	dirty := kv.dirty
	err := kv.zaddPairs(c, args[1], pairs, scores, o)
	if kv.dirty != dirty && kv.propagating() {
		effect := append([]string{"zadd"}, args[1:len(args)-len(scores)*3]...)
		c.effect(append(effect, pairs...)...)
	}
	return err
}

// parsePlace parses a longitude and a latitude.
func parsePlace(args []string) (lon, lat float64, err error) {
	if lon, err = parseScore(args[0]); err != nil {
		return 0, 0, err
	}
	if lat, err = parseScore(args[1]); err != nil {
		return 0, 0, err
	}
	if !geohash.Valid(lon, lat) {
		return 0, 0, errf("ERR invalid longitude,latitude pair %s,%s", fixedPoint(lon), fixedPoint(lat))
	}
	return lon, lat, nil
}

// fixedPoint is a number as C's %f prints it.
func fixedPoint(f float64) string {
	if math.IsInf(f, 0) {
		return string(appendScore(nil, f))
	}
	return strconv.FormatFloat(f, 'f', 6, 64)
}

const errGeoUnit replyError = "ERR unsupported unit provided. please use M, KM, FT, MI"

// parseUnit parses a unit of length and returns it in metres.
func parseUnit(arg string) (float64, error) {
	switch {
	case is(arg, "m"):
		return 1, nil
	case is(arg, "km"):
		return 1000, nil
	case is(arg, "ft"):
		return 0.3048, nil
	case is(arg, "mi"):
		return 1609.34, nil
	}
	return 0, errGeoUnit
}

// cmdGeodist serves GEODIST key member1 member2 [M|KM|FT|MI].
func (kv *KVStore) cmdGeodist(c *Client, args []string) (err error) {
	unit := 1.0
	switch {
	case len(args) > 5:
		return errSyntax
	case len(args) == 5:
		if unit, err = parseUnit(args[4]); err != nil {
			return err
		}
	}
	z, ok, err := c.db.lookupZset(args[1])
	if err != nil {
		return err
	}
	if ok {
		p, found := z.find(args[2])
		q, both := z.find(args[3])
		if found && both {
			lon1, lat1 := geohash.Decode(p.score)
			lon2, lat2 := geohash.Decode(q.score)
			c.replyDistance(geohash.Distance(lon1, lat1, lon2, lat2) / unit)
			return nil
		}
	}
	c.reply.Null()
	return nil
}

// replyDistance writes a distance with four decimals, as a string in either
// protocol.
func (c *Client) replyDistance(distance float64) {
	const decimals, unit = 4, 10000
	n := doubleToInt(math.RoundToEven(distance * unit))
	var text [32]byte
	b, u := text[:0], uint64(n)
	if n < 0 {
		b, u = append(b, '-'), -u
	}
	b = strconv.AppendUint(b, u/unit, 10)
	b = append(b, '.')
	fraction := u % unit
	for i := uint64(unit / 10); i > 0; i /= 10 {
		b = append(b, '0'+byte(fraction/i%10))
	}
	c.reply.BulkBytes(b)
}

// doubleToInt is a double as an integer; one that fits in none, and NaN, is what
// Redis makes of it on amd64.
func doubleToInt(f float64) int64 {
	if f >= math.MinInt64 && f < math.MaxInt64 {
		return int64(f)
	}
	return math.MinInt64
}

// replyPlace writes a longitude and a latitude, with as many decimals as Redis
// gives them.
func (c *Client) replyPlace(lon, lat float64) {
	c.reply.Array(2)
	for _, f := range [2]float64{lon, lat} {
		var text [longDoubleShort]byte
		c.reply.DoubleText(longDoubleOfFloat(f).appendText(text[:0]))
	}
}

// longDoubleOfFloat is f, which is finite, as a long double, which it always
// fits.
func longDoubleOfFloat(f float64) longDouble {
	const one = 1 << 52
	bits := math.Float64bits(f)
	mant, exp := bits%one, int(bits>>52&0x7ff)
	if exp != 0 {
		mant, exp = mant+one, exp-1
	}
	return normalize(math.Signbit(f), mant, exp-1074)
}

// cmdGeohash serves GEOHASH key [member ...].
func (kv *KVStore) cmdGeohash(c *Client, args []string) error {
	return c.eachPlace(args, c.reply.Null, func(score float64) { c.reply.Bulk(geohash.Text(score)) })
}

// cmdGeopos serves GEOPOS key [member ...].
func (kv *KVStore) cmdGeopos(c *Client, args []string) error {
	return c.eachPlace(args, c.reply.NullArray, func(score float64) { c.replyPlace(geohash.Decode(score)) })
}

// eachPlace answers with an array of what found writes for each member's score,
// or missing for those that are not there.
func (c *Client) eachPlace(args []string, missing func(), found func(score float64)) error {
	z, ok, err := c.db.lookupZset(args[1])
	if err != nil {
		return err
	}
	c.reply.Array(len(args) - 2)
	for _, member := range args[2:] {
		if ok {
			if p, there := z.find(member); there {
				found(p.score)
				continue
			}
		}
		missing()
	}
	return nil
}
