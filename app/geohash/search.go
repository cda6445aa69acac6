package geohash

import "math"

// What a search covers, and the cells that it has to look at.

// earthRadius is Redis's, in metres.
const earthRadius = 6372797.560856

// mercatorMax is half the world's width on Mercator's map, in metres.
const mercatorMax = 20037726.37

// degree is a degree in radians, as a double: what it is to Redis.
const degree = float64(math.Pi) / 180

// A Shape is a circle or a box around a valid place.
type Shape struct {
	Lon, Lat      float64
	Box           bool
	Radius        float64 // of a circle, in units, as the two below
	Width, Height float64 // of a box
	Unit          float64 // metres in a unit

	near nearby // computed when it is first needed; the shape must not change after
}

// A nearby is what tells about most places that they are not in a circle, and
// what the distances of the others have in common.
type nearby struct {
	known  bool
	latMax float64 // metres to the north or south of the middle
	lonMax float64 // degrees to the east or west
	cosLat float64 // of the middle
}

// margin is more than all roundings of what a place is compared with.
const margin = 1 + 1e-9

// nearby computes what it is. No way of a given length leads further to the east
// than one would that ran along the parallel nearest to a pole that can be
// reached.
func (s *Shape) nearby() nearby {
	const polarMax = 89 // degrees; beyond, a pole may be reached
	radius := s.Radius * s.Unit
	n := nearby{known: true, latMax: radius * margin, lonMax: 180, cosLat: cos(s.Lat * degree)}
	delta := radius / earthRadius / degree
	if polar := math.Abs(s.Lat) + delta; polar < polarMax {
		n.lonMax = delta / math.Cos(polar*degree) * margin
	}
	return n
}

// Contains reports whether a place lies in the shape, and how many metres from
// its middle. The distance is undefined when it does not.
func (s *Shape) Contains(lon, lat float64) (distance float64, ok bool) {
	if !s.Box {
		if !s.near.known {
			s.near = s.nearby()
		}
		lonDistance := math.Abs(lon - s.Lon)
		if lonDistance > 180 {
			lonDistance = 360 - lonDistance
		}
		if lonDistance > s.near.lonMax || latDistance(s.Lat, lat) > s.near.latMax {
			return 0, false
		}
		distance = distanceFrom(s.near.cosLat, s.Lon, s.Lat, lon, lat)
		return distance, !(distance > s.Radius*s.Unit)
	}
	if latDistance(lat, s.Lat) > s.Height*s.Unit/2 {
		return 0, false
	}
	if Distance(lon, lat, s.Lon, lat) > s.Width*s.Unit/2 {
		return 0, false
	}
	return Distance(s.Lon, s.Lat, lon, lat), true
}

// Cells appends to cells those that together have every place of the shape in
// them, in the order in which Redis searches them: the middle one, north,
// south, east, west, and the corners. There are nine at most. Around the
// middle of a very big shape one may come twice, as it does in Redis, which
// then answers with its places twice.
func (s *Shape) Cells(cells []Cell) []Cell {
	box := s.bounds()
	step := s.estimateStep()
	middle := Encode(s.Lon, s.Lat, step)
	if step > 1 && middle.tooSmallFor(box) {
		step--
		middle = Encode(s.Lon, s.Lat, step)
	}
	area := middle.Area()
	// With cells of half the world nothing is left out.
	small := step >= 2
	noSouth := small && area.LatMin < box.LatMin
	noNorth := small && area.LatMax > box.LatMax
	noWest := small && area.LonMin < box.LonMin
	noEast := small && area.LonMax > box.LonMax

	cells = append(cells, middle)
	first := len(cells)
	for _, to := range [8]struct{ east, north int }{
		{0, 1}, {0, -1}, {1, 0}, {-1, 0}, {1, 1}, {-1, 1}, {1, -1}, {-1, -1},
	} {
		if noNorth && to.north > 0 || noSouth && to.north < 0 || noEast && to.east > 0 || noWest && to.east < 0 {
			continue
		}
		c := middle.neighbour(to.east, to.north)
		// Only the one before is looked at, and the middle is not: that is
		// Redis's rule.
		if len(cells) > first && cells[len(cells)-1] == c {
			continue
		}
		cells = append(cells, c)
	}
	return cells
}

// tooSmallFor reports whether the cells next to this one end before the box
// does, on any side.
func (c Cell) tooSmallFor(box Area) bool {
	return c.neighbour(0, 1).Area().LatMax < box.LatMax ||
		c.neighbour(0, -1).Area().LatMin > box.LatMin ||
		c.neighbour(1, 0).Area().LonMax < box.LonMax ||
		c.neighbour(-1, 0).Area().LonMin > box.LonMin
}

// bounds returns the rectangle around the shape. Degrees of longitude become
// shorter towards the poles, so that the side nearer to one decides.
func (s *Shape) bounds() Area {
	height, width := s.Unit*s.Radius, s.Unit*s.Radius
	if s.Box {
		height, width = s.Unit*(s.Height/2), s.Unit*(s.Width/2)
	}
	latDelta := height / earthRadius / degree
	polar := s.Lat + latDelta
	if s.Lat < 0 {
		polar = s.Lat - latDelta
	}
	lonDelta := width / earthRadius / cos(float64(polar*degree)) / degree
	return Area{s.Lon - lonDelta, s.Lon + lonDelta, s.Lat - latDelta, s.Lat + latDelta}
}

// estimateStep returns the step whose cells are about as big as the shape. Near
// the poles, where cells are narrow, it takes bigger ones.
func (s *Shape) estimateStep() int {
	radius := s.Radius
	if s.Box {
		w, h := s.Width/2, s.Height/2
		radius = math.Sqrt(float64(w*w) + float64(h*h))
	}
	metres := radius * s.Unit
	if metres == 0 {
		return StepMax
	}
	step := -1
	for ; metres < mercatorMax; metres *= 2 {
		step++
	}
	if s.Lat > 66 || s.Lat < -66 {
		step--
		if s.Lat > 80 || s.Lat < -80 {
			step--
		}
	}
	return min(max(step, 1), StepMax)
}

// Distance returns how many metres there are between two places on a sphere,
// by the haversine formula.
func Distance(lon1, lat1, lon2, lat2 float64) float64 {
	return distanceFrom(cos(lat1*degree), lon1, lat1, lon2, lat2)
}

// distanceFrom is Distance with the cosine of the first latitude given.
func distanceFrom(cosLat1, lon1, lat1, lon2, lat2 float64) float64 {
	v := sin((float64(lon2*degree) - float64(lon1*degree)) / 2)
	if v == 0 {
		return latDistance(lat1, lat2)
	}
	u := sin((float64(lat2*degree) - float64(lat1*degree)) / 2)
	a := float64(u*u) + float64(cos(float64(lat1*degree))*cos(float64(lat2*degree))*v*v)
	return 2 * earthRadius * asin(math.Sqrt(a))
}

// latDistance is Distance along a meridian.
func latDistance(lat1, lat2 float64) float64 {
	return earthRadius * math.Abs(float64(lat2*degree)-float64(lat1*degree))
}
