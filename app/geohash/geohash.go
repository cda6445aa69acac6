// Package geohash keeps places on the earth in integers that sort by where they
// are, and finds the ranges of such integers that a circle or a box may lie in.
//
// The world is a rectangle of longitudes and latitudes. Each step halves it
// both ways and says in two bits which quarter a place is in, the longitude's
// bit first:
//
//	+----+----+
//	| 01 | 11 |      After n steps 2n bits name one of 4^n cells, and the bits
//	+----+----+      of a cell are a prefix of those of all places in it: one
//	| 00 | 10 |      range of scores.
//	+----+----+
//
// A score is a place after 26 steps, 52 bits, which a double holds exactly; its
// cell is less than a metre wide. Every figure here is what Redis computes, to
// the last digit. For that reason products are rounded by a conversion before
// they are added to something, which Go might do in one rounding otherwise.
package geohash

// StepMax is how many steps a score has.
const StepMax = 26

// The limits of the world, that of Mercator's maps: no poles.
const (
	lonMin, lonMax = float64(-180), float64(180)
	latMin, latMax = float64(-85.05112878), float64(85.05112878)
)

// The bits of a cell, longitudes first: the odd ones and the even ones.
const (
	lonBits = 0xaaaaaaaaaaaaaaaa
	latBits = 0x5555555555555555
)

// A Cell is what is left of the world after Step steps, named by as many pairs
// of Bits. A cell at the eastern or northern limit may have a bit more than
// that, for a place exactly at the limit.
type Cell struct {
	Bits uint64
	Step uint8
}

// An Area is a rectangle of longitudes and latitudes.
type Area struct {
	LonMin, LonMax float64
	LatMin, LatMax float64
}

// Valid reports whether a place is within the limits of the world.
func Valid(lon, lat float64) bool {
	return lon >= lonMin && lon <= lonMax && lat >= latMin && lat <= latMax
}

// Encode returns the cell after the given steps, from 1 to StepMax, that has a
// valid place in it. With StepMax its Bits are the place's score.
func Encode(lon, lat float64, step int) Cell {
	return encodeIn(Area{lonMin, lonMax, latMin, latMax}, lon, lat, step)
}

// encodeIn is Encode in a world of other limits. It returns the zero Cell for
// a place out of them.
func encodeIn(world Area, lon, lat float64, step int) Cell {
	if !Valid(lon, lat) || step < 1 || step > StepMax {
		return Cell{}
	}
	latOffset := (lat - world.LatMin) / (world.LatMax - world.LatMin)
	lonOffset := (lon - world.LonMin) / (world.LonMax - world.LonMin)
	cells := float64(uint64(1) << step)
	bits := spread(uint32(latOffset*cells)) | spread(uint32(lonOffset*cells))<<1
	return Cell{bits, uint8(step)}
}

// Decode returns the place of a score: the middle of its cell. Any score has
// one, also those that are no places' scores.
func Decode(score float64) (lon, lat float64) {
	a := Cell{scoreBits(score), StepMax}.Area()
	lon = clamp((a.LonMin+a.LonMax)/2, lonMin, lonMax)
	lat = clamp((a.LatMin+a.LatMax)/2, latMin, latMax)
	return lon, lat
}

// scoreBits is a score as an integer. What a double beyond the integers becomes
// is up to the compiler; this is what it becomes in Redis on amd64.
func scoreBits(score float64) uint64 {
	const half = 1 << 63
	switch {
	case score < -half || score != score:
		return half
	case score < half:
		return uint64(int64(score))
	case score < 2*half:
		return uint64(int64(score-half)) + half
	}
	return 0
}

func clamp(x, low, high float64) float64 {
	if x > high {
		return high
	}
	if x < low {
		return low
	}
	return x
}

// Area returns where the cell is.
func (c Cell) Area() Area {
	lat, lon := gather(c.Bits), gather(c.Bits>>1)
	cells := float64(uint64(1) << c.Step)
	const latScale, lonScale = latMax - latMin, lonMax - lonMin
	return Area{
		LonMin: lonMin + float64(float64(lon)/cells*lonScale),
		LonMax: lonMin + float64(float64(lon+1)/cells*lonScale),
		LatMin: latMin + float64(float64(lat)/cells*latScale),
		LatMax: latMin + float64(float64(lat+1)/cells*latScale),
	}
}

// Scores returns the scores of the places in the cell: from min on, below max.
func (c Cell) Scores() (min, max uint64) {
	shift := 2 * (StepMax - c.Step)
	return c.Bits << shift, (c.Bits + 1) << shift
}

// neighbour returns the cell so many cells, -1 to 1, to the east and to the
// north. The world is round in both directions, if only here.
func (c Cell) neighbour(east, north int) Cell {
	used := 64 - 2*c.Step
	lon, lat := c.Bits&lonBits, c.Bits&latBits
	if east != 0 {
		lon = moveBits(lon, latBits>>used, east) & (lonBits >> used)
	}
	if north != 0 {
		lat = moveBits(lat, lonBits>>used, north) & (latBits >> used)
	}
	return Cell{lon | lat, c.Step}
}

// moveBits adds -1 or 1 to a number whose bits stand at every other place, the
// gaps being those of gaps: filled, they hand carries and borrows on.
func moveBits(bits, gaps uint64, by int) uint64 {
	if by > 0 {
		return bits + (gaps + 1)
	}
	return (bits | gaps) - (gaps + 1)
}

// spread puts the bits of x at the even places.
func spread(x uint32) uint64 {
	v := uint64(x)
	v = (v | v<<16) & 0x0000ffff0000ffff
	v = (v | v<<8) & 0x00ff00ff00ff00ff
	v = (v | v<<4) & 0x0f0f0f0f0f0f0f0f
	v = (v | v<<2) & 0x3333333333333333
	return (v | v<<1) & 0x5555555555555555
}

// gather is the number whose bits stand at the even places of v.
func gather(v uint64) uint32 {
	v &= 0x5555555555555555
	v = (v | v>>1) & 0x3333333333333333
	v = (v | v>>2) & 0x0f0f0f0f0f0f0f0f
	v = (v | v>>4) & 0x00ff00ff00ff00ff
	v = (v | v>>8) & 0x0000ffff0000ffff
	return uint32(v | v>>16)
}

// Text returns the 11 letters that others know a score's place by. Theirs is a
// world with poles, so that the place is encoded anew, and its 52 bits leave
// the last letter without any: it is always 0.
func Text(score float64) string {
	const alphabet = "0123456789bcdefghjkmnpqrstuvwxyz"
	lon, lat := Decode(score)
	bits := encodeIn(Area{lonMin, lonMax, -90, 90}, lon, lat, StepMax).Bits
	var text [11]byte
	for i := range 10 {
		text[i] = alphabet[bits>>(47-5*i)&31]
	}
	text[10] = '0'
	return string(text[:])
}
