package geohash

import (
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// vectors returns the lines of one kind of testdata/redis.txt, as words.
func vectors(t testing.TB, kind string) [][]string {
	t.Helper()
	text, err := os.ReadFile("testdata/redis.txt")
	if err != nil {
		t.Fatal(err)
	}
	var found [][]string
	for line := range strings.Lines(string(text)) {
		if words := strings.Fields(line); words[0] == kind {
			found = append(found, words[1:])
		}
	}
	if len(found) == 0 {
		t.Fatalf("no %s", kind)
	}
	return found
}

func number(t testing.TB, s string) float64 {
	t.Helper()
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// digits is a coordinate as GEOPOS prints it.
func digits(f float64) string {
	s := strings.TrimRight(strconv.FormatFloat(f, 'f', 17, 64), "0")
	return strings.TrimSuffix(s, ".")
}

func TestPlaces(t *testing.T) {
	for _, v := range vectors(t, "place") {
		t.Run(v[0]+" "+v[1], func(t *testing.T) {
			c := Encode(number(t, v[0]), number(t, v[1]), StepMax)
			if score := strconv.FormatFloat(float64(c.Bits), 'f', -1, 64); score != v[2] {
				t.Errorf("score %v, want %v", score, v[2])
			}
			lon, lat := Decode(number(t, v[2]))
			if digits(lon) != v[3] || digits(lat) != v[4] {
				t.Errorf("decoded to %s %s, want %s %s", digits(lon), digits(lat), v[3], v[4])
			}
			if text := Text(number(t, v[2])); text != v[5] {
				t.Errorf("text %s, want %s", text, v[5])
			}
		})
	}
}

func TestDistance(t *testing.T) {
	for _, v := range vectors(t, "distance") {
		lon, lat := Decode(number(t, v[2]))
		got := Distance(number(t, v[0]), number(t, v[1]), lon, lat)
		if got != number(t, v[3]) {
			t.Errorf("from %s %s to %s: %v, want %s", v[0], v[1], v[2], got, v[3])
		}
	}
}

// shapeOf reads the shape of a search.
func shapeOf(t testing.TB, v []string) Shape {
	s := Shape{Lon: number(t, v[0]), Lat: number(t, v[1]), Unit: number(t, v[3])}
	width, height, box := strings.Cut(v[2], "x")
	if s.Box = box; box {
		s.Width, s.Height = number(t, width), number(t, height)
	} else {
		s.Radius = number(t, v[2])
	}
	return s
}

// TestSearch does over a sorted list what GEOSEARCH does over a sorted set.
func TestSearch(t *testing.T) {
	type place struct {
		score  uint64
		number int
	}
	var places []place
	for i, v := range vectors(t, "place") {
		places = append(places, place{uint64(number(t, v[2])), i})
	}
	slices.SortStableFunc(places, func(a, b place) int { return int(a.score) - int(b.score) })
	for _, v := range vectors(t, "search") {
		t.Run(strings.Join(v[:4], " "), func(t *testing.T) {
			shape := shapeOf(t, v)
			var found []string
			for _, cell := range shape.Cells(nil) {
				low, high := cell.Scores()
				for _, p := range places {
					if p.score < low || p.score >= high {
						continue
					}
					if _, ok := shape.Contains(Decode(float64(p.score))); ok {
						found = append(found, strconv.Itoa(p.number))
					}
				}
			}
			want := v[4]
			if want == "-" {
				want = ""
			}
			if got := strings.Join(found, ","); got != want {
				t.Errorf("found %s\nwant  %s", got, want)
			}
		})
	}
}

func TestInvalid(t *testing.T) {
	for _, p := range [][2]float64{
		{180.00001, 0}, {-180.00001, 0}, {0, 85.0511288}, {0, -85.0511288},
		{math.NaN(), 0}, {0, math.NaN()}, {math.Inf(1), 0}, {0, math.Inf(-1)},
	} {
		if Valid(p[0], p[1]) || Encode(p[0], p[1], StepMax) != (Cell{}) {
			t.Errorf("%v is a place", p)
		}
	}
	if !Valid(180, 85.05112878) || !Valid(-180, -85.05112878) {
		t.Error("the limits are no places")
	}
	if Encode(1, 1, 0) != (Cell{}) || Encode(1, 1, StepMax+1) != (Cell{}) {
		t.Error("encoded with a step that is none")
	}
}

// TestOddScores decodes what ZADD may have put beside places; the answers are
// GEOPOS's.
func TestOddScores(t *testing.T) {
	for _, test := range []struct {
		score    float64
		lon, lat string
	}{
		{0, "-179.99999731779098511", "-85.05112751263942528"},
		{-1, "180", "85.0511287799999991"},
		{-5.7, "180", "85.0511287799999991"},
		{1.5, "-179.99999731779098511", "-85.05112497791824921"},
		{4503599627370495, "179.99999731779098511", "85.05112751263942528"},
		{4503599627370496, "-179.99999731779098511", "85.0511287799999991"},
		{9007199254740993, "180", "-85.05112751263942528"},
		{1e18, "180", "85.0511287799999991"},
		{9223372036854775808, "180", "-85.05112751263942528"},
		{1e19, "180", "85.0511287799999991"},
		{18446744073709549568, "180", "85.0511287799999991"},
		{18446744073709551616, "-179.99999731779098511", "-85.05112751263942528"},
		{1e20, "-179.99999731779098511", "-85.05112751263942528"},
		{-1e18, "180", "85.0511287799999991"},
		{-1e19, "180", "-85.05112751263942528"},
		{1e300, "-179.99999731779098511", "-85.05112751263942528"},
		{math.Inf(1), "-179.99999731779098511", "-85.05112751263942528"},
		{math.Inf(-1), "180", "-85.05112751263942528"},
	} {
		lon, lat := Decode(test.score)
		if digits(lon) != test.lon || digits(lat) != test.lat {
			t.Errorf("%v: %s %s, want %s %s", test.score, digits(lon), digits(lat), test.lon, test.lat)
		}
	}
}

// FuzzGeohash holds what must be true of any place and any shape.
func FuzzGeohash(f *testing.F) {
	f.Add(2.35, 48.85, 100.0, 50.0, 1000.0, 2.36, 48.86)
	f.Add(180.0, 85.05112878, 0.0, 1e9, 1.0, -180.0, -85.05112878)
	f.Add(0.0, 0.0, math.Inf(1), 1.0, 0.3048, 1e-9, -1e-9)
	f.Fuzz(func(t *testing.T, lon, lat, width, height, unit, lon2, lat2 float64) {
		Text(width)
		if !Valid(Decode(width)) {
			t.Fatalf("%v decodes to no place", width)
		}
		if !Valid(lon, lat) || !Valid(lon2, lat2) || !(width >= 0 && height >= 0 && unit > 0) {
			return
		}
		for step := 1; step <= StepMax; step++ {
			c := Encode(lon, lat, step)
			if up := Encode(lon, lat, StepMax); lon < lonMax && lat < latMax && up.Bits>>(2*(StepMax-step)) != c.Bits {
				t.Fatalf("step %d of %v %v is %x, not the beginning of %x", step, lon, lat, c.Bits, up.Bits)
			}
		}
		for _, s := range []Shape{
			{Lon: lon, Lat: lat, Radius: width, Unit: unit},
			{Lon: lon, Lat: lat, Box: true, Width: width, Height: height, Unit: unit},
		} {
			cells := s.Cells(nil)
			if len(cells) < 1 || len(cells) > 9 || cells[0].Step < 1 || cells[0].Step > StepMax {
				t.Fatalf("%+v has cells %v", s, cells)
			}
			distance, ok := s.Contains(lon2, lat2)
			if ok && distance != Distance(lon, lat, lon2, lat2) {
				t.Fatalf("%+v: distance %v", s, distance)
			}
			if full := Distance(lon, lat, lon2, lat2); !s.Box && ok != !(full > width*unit) {
				t.Fatalf("%+v: distance %v, but contained: %v", s, full, ok)
			}
		}
	})
}

func BenchmarkContains(b *testing.B) {
	s := Shape{Lon: 2.35, Lat: 48.85, Radius: 10_000, Unit: 1000}
	for b.Loop() {
		s.Contains(13.361389, 38.115556)
	}
}

func BenchmarkDecode(b *testing.B) {
	for b.Loop() {
		Decode(3479099956230698)
	}
}
