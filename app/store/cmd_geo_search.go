package store

import (
	"math"
	"slices"

	"github.com/codecrafters-io/redis-starter-go/app/geohash"
)

// Searching for places: GEOSEARCH, GEOSEARCHSTORE, and their elders GEORADIUS and
// GEORADIUSBYMEMBER. A shape is covered by up to nine cells, each of which is a
// range of scores; of the members in these ranges, those in the shape count.

// A geoSearch is a search, parsed.
type geoSearch struct {
	name    string // of the command, as the client wrote it
	z       zset   // the source
	ok      bool   // which is there
	shape   geohash.Shape
	newer   bool // GEOSEARCH or GEOSEARCHSTORE, whose middle and shape are options
	storing bool // GEOSEARCHSTORE
	mayKeep bool // STORE and STOREDIST are options
	dest    string
	keep    bool // the result is stored under dest
	byDist  bool // with distances for scores

	fromMember, fromPlace, byRadius, byBox bool

	withDist, withHash, withCoord bool

	any   bool  // the first count places that are found will do
	count int64 // 0 for all
	sort  geoOrder
}

type geoOrder int8

const (
	geoUnsorted geoOrder = 0
	geoNearest  geoOrder = 1
	geoFarthest geoOrder = -1
)

const (
	errGeoMember   replyError = "ERR could not decode requested zset member"
	errGeoRadius   replyError = "ERR need numeric radius"
	errGeoRadiusLT replyError = "ERR radius cannot be negative"
	errGeoWidth    replyError = "ERR need numeric width"
	errGeoHeight   replyError = "ERR need numeric height"
	errGeoBoxLT    replyError = "ERR height or width cannot be negative"
	errGeoCount    replyError = "ERR COUNT must be > 0"
	errGeoAny      replyError = "ERR the ANY argument requires COUNT argument"
)

// cmdGeoradius serves GEORADIUS key longitude latitude radius M|KM|FT|MI [WITHCOORD] [WITHDIST] [WITHHASH]
// [COUNT count [ANY]] [ASC|DESC] [STORE key] [STOREDIST key].
func (kv *KVStore) cmdGeoradius(c *Client, args []string) error {
	return kv.georadius(c, args, geoSearch{name: args[0], mayKeep: true})
}

// cmdGeoradiusRo serves GEORADIUS_RO, which is GEORADIUS without STORE.
func (kv *KVStore) cmdGeoradiusRo(c *Client, args []string) error {
	return kv.georadius(c, args, geoSearch{name: args[0]})
}

// georadius is GEORADIUS and GEORADIUS_RO.
func (kv *KVStore) georadius(c *Client, args []string, s geoSearch) (err error) {
	if s.z, s.ok, err = c.db.lookupZset(args[1]); err != nil {
		return err
	}
	if err = s.parseMiddle(args[2:]); err != nil {
		return err
	}
	if err = s.parseRadius(args[4:]); err != nil {
		return err
	}
	return kv.geosearch(c, args[6:], &s)
}

// cmdGeoradiusbymember serves GEORADIUSBYMEMBER key member radius M|KM|FT|MI [WITHCOORD] [WITHDIST] [WITHHASH]
// [COUNT count [ANY]] [ASC|DESC] [STORE key] [STOREDIST key].
func (kv *KVStore) cmdGeoradiusbymember(c *Client, args []string) error {
	return kv.georadiusByMember(c, args, geoSearch{name: args[0], mayKeep: true})
}

// cmdGeoradiusbymemberRo serves GEORADIUSBYMEMBER_RO, which is GEORADIUSBYMEMBER without STORE.
func (kv *KVStore) cmdGeoradiusbymemberRo(c *Client, args []string) error {
	return kv.georadiusByMember(c, args, geoSearch{name: args[0]})
}

// georadiusByMember is GEORADIUSBYMEMBER and GEORADIUSBYMEMBER_RO. Without a key
// the radius may be anything.
func (kv *KVStore) georadiusByMember(c *Client, args []string, s geoSearch) (err error) {
	if s.z, s.ok, err = c.db.lookupZset(args[1]); err != nil {
		return err
	}
	if s.ok {
		if err = s.findMiddle(args[2]); err != nil {
			return err
		}
		if err = s.parseRadius(args[3:]); err != nil {
			return err
		}
	}
	return kv.geosearch(c, args[5:], &s)
}

// cmdGeosearch serves GEOSEARCH key FROMMEMBER member|FROMLONLAT longitude latitude
// BYRADIUS radius M|KM|FT|MI|BYBOX width height M|KM|FT|MI
// [ASC|DESC] [COUNT count [ANY]] [WITHCOORD] [WITHDIST] [WITHHASH].
func (kv *KVStore) cmdGeosearch(c *Client, args []string) (err error) {
	s := geoSearch{name: args[0], newer: true}
	if s.z, s.ok, err = c.db.lookupZset(args[1]); err != nil {
		return err
	}
	return kv.geosearch(c, args[2:], &s)
}

// cmdGeosearchstore serves GEOSEARCHSTORE destination source, and the options of GEOSEARCH
// but the last three, and [STOREDIST].
func (kv *KVStore) cmdGeosearchstore(c *Client, args []string) (err error) {
	s := geoSearch{name: args[0], newer: true, storing: true, keep: true, dest: args[1]}
	if s.z, s.ok, err = c.db.lookupZset(args[2]); err != nil {
		return err
	}
	return kv.geosearch(c, args[3:], &s)
}

// parseMiddle parses a longitude and a latitude.
func (s *geoSearch) parseMiddle(args []string) (err error) {
	s.shape.Lon, s.shape.Lat, err = parsePlace(args)
	return err
}

// findMiddle finds the place of a member.
func (s *geoSearch) findMiddle(member string) error {
	p, ok := s.z.find(member)
	if !ok {
		return errGeoMember
	}
	s.shape.Lon, s.shape.Lat = geohash.Decode(p.score)
	return nil
}

// parseRadius parses a radius and its unit.
func (s *geoSearch) parseRadius(args []string) (err error) {
	if s.shape.Radius, err = parseScore(args[0]); err != nil {
		return errGeoRadius
	}
	if s.shape.Radius < 0 {
		return errGeoRadiusLT
	}
	s.shape.Box = false
	s.shape.Unit, err = parseUnit(args[1])
	return err
}

// parseBox parses a width, a height and their unit.
func (s *geoSearch) parseBox(args []string) (err error) {
	if s.shape.Width, err = parseScore(args[0]); err != nil {
		return errGeoWidth
	}
	if s.shape.Height, err = parseScore(args[1]); err != nil {
		return errGeoHeight
	}
	if s.shape.Width < 0 || s.shape.Height < 0 {
		return errGeoBoxLT
	}
	s.shape.Box = true
	s.shape.Unit, err = parseUnit(args[2])
	return err
}

// parseOptions parses what follows the arguments that have places of their own.
func (s *geoSearch) parseOptions(args []string) (err error) {
	for len(args) > 0 && err == nil {
		used := 1
		switch arg := args[0]; {
		case s.takeFlag(arg):
		case is(arg, "count") && len(args) > 1:
			used = 2
			if s.count, err = parseInt(args[1]); err == nil && s.count <= 0 {
				err = errGeoCount
			}
		case s.mayKeep && len(args) > 1 && (is(arg, "store") || is(arg, "storedist")):
			used = 2
			s.keep, s.dest, s.byDist = true, args[1], is(arg, "storedist")
		case s.newer:
			used, err = s.parseShapeOption(args)
		default:
			err = errSyntax
		}
		args = args[min(used, len(args)):]
	}
	return err
}

// takeFlag takes an option of one word, and reports whether the argument is one.
func (s *geoSearch) takeFlag(arg string) bool {
	switch {
	case is(arg, "withdist"):
		s.withDist = true
	case is(arg, "withhash"):
		s.withHash = true
	case is(arg, "withcoord"):
		s.withCoord = true
	case is(arg, "any"):
		s.any = true
	case is(arg, "asc"):
		s.sort = geoNearest
	case is(arg, "desc"):
		s.sort = geoFarthest
	case is(arg, "storedist") && s.storing:
		s.byDist = true
	default:
		return false
	}
	return true
}

// parseShapeOption parses an option that GEOSEARCH has for the middle or for the
// shape, and returns the number of arguments that it took. The middle of a
// missing key is not looked for.
func (s *geoSearch) parseShapeOption(args []string) (used int, err error) {
	switch arg := args[0]; {
	case is(arg, "frommember") && len(args) > 1 && !s.fromPlace:
		s.fromMember = true
		if s.ok {
			err = s.findMiddle(args[1])
		}
		return 2, err
	case is(arg, "fromlonlat") && len(args) > 2 && !s.fromMember:
		s.fromPlace = true
		return 3, s.parseMiddle(args[1:])
	case is(arg, "byradius") && len(args) > 2 && !s.byBox:
		s.byRadius = true
		return 3, s.parseRadius(args[1:])
	case is(arg, "bybox") && len(args) > 3 && !s.byRadius:
		s.byBox = true
		return 4, s.parseBox(args[1:])
	}
	return 0, errSyntax
}

// check looks for options that do not go together.
func (s *geoSearch) check() error {
	switch {
	case s.keep && (s.withDist || s.withHash || s.withCoord):
		what := "STORE option in GEORADIUS"
		if s.storing {
			what = "GEOSEARCHSTORE"
		}
		return errf("ERR %s is not compatible with WITHDIST, WITHHASH and WITHCOORD options", what)
	case s.newer && !s.fromMember && !s.fromPlace:
		return errf("ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for %s", s.name)
	case s.newer && !s.byRadius && !s.byBox:
		return errf("ERR exactly one of BYRADIUS and BYBOX can be specified for %s", s.name)
	case s.any && s.count == 0:
		return errGeoAny
	}
	return nil
}

// geosearch parses the options of a search, searches and answers.
func (kv *KVStore) geosearch(c *Client, options []string, s *geoSearch) error {
	if err := s.parseOptions(options); err != nil {
		return err
	}
	if err := s.check(); err != nil {
		return err
	}
	points := kv.zsets.points[:0]
	if s.ok {
		points = s.find(points)
		if cap(points) <= pointsKept {
			kv.zsets.points = points
		}
		points = s.sorted(points)
	}
	if s.keep {
		kv.storePlaces(c, s, points)
	} else {
		c.replyPlaces(s, points)
	}
	return nil
}

// A geoPoint is a place that was found.
type geoPoint struct {
	zsetPlace
	lon, lat float64
	distance float64 // from the middle, in metres
}

// pointsKept is how many points there may be for their memory to be kept.
const pointsKept = 4096

// find appends the places in the shape, cell after cell.
func (s *geoSearch) find(points []geoPoint) []geoPoint {
	limit := math.MaxInt
	if s.any {
		limit = int(s.count)
	}
	var buf [9]geohash.Cell
	for _, cell := range s.shape.Cells(buf[:0]) {
		if len(points) >= limit {
			break
		}
		low, high := cell.Scores()
		points = s.findIn(points, scoreRange{min: float64(low), max: float64(high), maxOpen: true}, limit)
	}
	return points
}

// findIn appends the places with scores of a range, until there are so many.
func (s *geoSearch) findIn(points []geoPoint, r scoreRange, limit int) []geoPoint {
	from, to := s.z.scoreRanks(&r)
	if from >= to {
		return points
	}
	var w zsetWalk
	w.seek(&s.z, from)
	for ; from < to && len(points) < limit; from++ {
		p := geoPoint{zsetPlace: w.place()}
		p.lon, p.lat = geohash.Decode(p.score)
		var inside bool
		if p.distance, inside = s.shape.Contains(p.lon, p.lat); inside {
			points = append(points, p)
		}
		w.next()
	}
	return points
}

// sorted sorts the places as asked for, and returns as many as are wanted. With
// a count, unless any will do, these are the nearest.
func (s *geoSearch) sorted(points []geoPoint) []geoPoint {
	n := len(points)
	if s.count > 0 && int64(n) > s.count {
		n = int(s.count)
	}
	order := s.sort
	if order == geoUnsorted && s.count > 0 && !s.any {
		order = geoNearest
	}
	if order == geoUnsorted {
		return points[:n]
	}
	compare := func(x, y *geoPoint) int {
		switch {
		case x.distance > y.distance:
			return int(order)
		case x.distance == y.distance:
			return 0
		}
		return -int(order)
	}
	if n == len(points) {
		slices.SortStableFunc(points, func(x, y geoPoint) int { return compare(&x, &y) })
	} else {
		partialSort(points, 0, n, compare)
	}
	return points[:n]
}

// replyPlaces answers with the members found, each with what was asked for.
func (c *Client) replyPlaces(s *geoSearch, points []geoPoint) {
	width := 1
	for _, with := range [...]bool{s.withDist, s.withHash, s.withCoord} {
		if with {
			width++
		}
	}
	c.reply.Array(len(points))
	for i := range points {
		p := &points[i]
		if width > 1 {
			c.reply.Array(width)
		}
		c.reply.Bulk(s.z.memberAt(p.zsetPlace))
		if s.withDist {
			c.replyDistance(p.distance / s.shape.Unit)
		}
		if s.withHash {
			c.reply.Int(doubleToInt(p.score))
		}
		if s.withCoord {
			c.replyPlace(p.lon, p.lat)
		}
	}
}

// storePlaces stores the members found, with their scores or distances.
func (kv *KVStore) storePlaces(c *Client, s *geoSearch, points []geoPoint) {
	b := zsetBuild{kv: kv}
	b.members.Expand(kv.scoredType, len(points))
	for i := range points {
		p := &points[i]
		score := p.score
		if s.byDist {
			score = p.distance / s.shape.Unit
		}
		b.add(s.z.memberAt(p.zsetPlace), score)
	}
	event := "georadiusstore"
	if s.newer {
		event = "geosearchstore"
	}
	kv.storeZset(c, s.dest, &b, event, len(points))
}
