package geohash

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

const bigPrec = 200

func bigOf(x float64) *big.Float { return new(big.Float).SetPrec(bigPrec).SetFloat64(x) }

// bigSin adds up the series of the sine (from 0) or the cosine (from 1) of x,
// with far more digits than a double has.
func bigSin(x float64, quarters int) *big.Float {
	sum := new(big.Float).SetPrec(bigPrec)
	square := new(big.Float).Mul(bigOf(x), bigOf(x))
	term, n := bigOf(x), int64(1)
	if quarters == 1 {
		term, n = bigOf(1), 0
	}
	for term.Sign() != 0 && term.MantExp(nil) > -bigPrec {
		sum.Add(sum, term)
		term.Mul(term, square)
		term.Quo(term, bigOf(-float64((n+1)*(n+2))))
		n += 2
	}
	return sum
}

// ulps is how far got is from want, in units of got's last bit.
func ulps(got float64, want *big.Float) float64 {
	d := new(big.Float).Sub(bigOf(got), want)
	f, _ := d.Float64()
	return math.Abs(f / (math.Nextafter(math.Abs(got), math.Inf(1)) - math.Abs(got)))
}

// TestTrig compares with the series: what is rounded once is off by half a bit.
func TestTrig(t *testing.T) {
	const enough = 0.5001
	r := rand.New(rand.NewPCG(1, 1))
	check := func(x float64) {
		if u := ulps(sin(x), bigSin(x, 0)); u > enough {
			t.Errorf("sin(%v) = %v: %v ulps", x, sin(x), u)
		}
		if u := ulps(cos(x), bigSin(x, 1)); u > enough {
			t.Errorf("cos(%v) = %v: %v ulps", x, cos(x), u)
		}
	}
	for range 4_000 {
		check((2*r.Float64() - 1) * 4)
		check((2*r.Float64() - 1) * 1e-3)
		check((2*r.Float64() - 1) * math.Pow(2, -20*r.Float64()))
	}
	for i := range 16 {
		x := float64(i+1) * math.Pi / 4
		check(x)
		check(math.Nextafter(x, 9))
		check(math.Nextafter(-x, 9))
	}
}

// TestAsin takes the sine of the answer, with enough digits to tell one answer
// from the next even where the sine hardly rises.
func TestAsin(t *testing.T) {
	const enough = 0.51
	r := rand.New(rand.NewPCG(2, 2))
	for range 4_000 {
		x := r.Float64() * 0.99
		switch r.IntN(3) {
		case 0:
			x *= math.Pow(2, -25*r.Float64())
		case 1:
			x = 1 - math.Pow(2, -53*r.Float64())
		}
		y := asin(x)
		// sin(y) - x, over the slope, is how far y is off.
		d := new(big.Float).Sub(bigSin(y, 0), bigOf(x))
		f, _ := d.Float64()
		off := math.Abs(f / math.Cos(y) / (math.Nextafter(y, 2) - y))
		if off > enough {
			t.Errorf("asin(%v) = %v: %v ulps", x, y, off)
		}
	}
}

// TestTrigOdd takes what is beyond the table's reach.
func TestTrigOdd(t *testing.T) {
	if sin(0) != 0 || cos(0) != 1 || asin(0) != 0 || asin(1) != math.Pi/2 {
		t.Error("wrong at 0 or 1")
	}
	for _, x := range []float64{math.Inf(1), math.Inf(-1), math.NaN()} {
		if y := sin(x); y == y {
			t.Errorf("sin(%v) = %v", x, y)
		}
		if y := cos(x); y == y {
			t.Errorf("cos(%v) = %v", x, y)
		}
	}
	if y := asin(1.0000000000000002); y == y {
		t.Errorf("asin of more than 1 = %v", y)
	}
	for _, x := range []float64{100, 12345.678, 1e6, 1e7, 1e300} {
		if math.Abs(cos(x)-math.Cos(x)) > 1e-15 || math.Abs(sin(x)-math.Sin(x)) > 1e-15 {
			t.Errorf("at %v: sin %v, cos %v", x, sin(x), cos(x))
		}
	}
}

func BenchmarkTrig(b *testing.B) {
	x := 0.1
	for b.Loop() {
		x = 0.5 + sin(x)*0.1
	}
}
