package geohash

import "math"

// Sine, cosine and arc sine, rounded but once. The math package may be off by
// one in the last bit, where C's library hardly ever is, and a distance stored
// as a score is shown with all its digits.
//
// An angle is a multiple of a step, whose sine and cosine are in a table with
// twice a double's digits, and a rest so short that a few terms of its series
// do. What is too small for the leading part of a sum is carried along and
// added last, so that but one rounding counts.

// A pair is the sum of two doubles, the second too small to change the first.
type pair struct{ hi, lo float64 }

// Steps of a 64th reach up to a quarter of a turn.
const (
	trigStep  = 1.0 / 64
	trigSteps = 102
)

// A quarter of a turn, in three parts.
const (
	quarterHi   = 0x1.921fb54442d18p+0
	quarterLo   = 0x1.1a62633145c07p-54
	quarterRest = -0x1.f1976b7ed8fbcp-110
)

// trigTable has the sines and cosines of the steps.
var trigTable = makeTrigTable()

// A sinCos is the sine and the cosine of one angle.
type sinCos struct{ sin, cos pair }

// makeTrigTable goes from step to step by the sum formulas. Their errors stay
// far below what the table's users can see.
func makeTrigTable() *[trigSteps]sinCos {
	one := sinCos{
		sin: pair{0x1.fffaaaaeeeed5p-7, -0x1.2ab639a9f0776p-63},
		cos: pair{0x1.fff000155549fp-1, 0x1.28a28a03a5ef3p-55},
	}
	table := new([trigSteps]sinCos)
	table[0].cos.hi = 1
	for i := range table[1:] {
		t := table[i]
		table[i+1] = sinCos{
			sin: t.sin.times(one.cos).plus(t.cos.times(one.sin)),
			cos: t.cos.times(one.cos).plus(t.sin.times(one.sin).negative()),
		}
	}
	return table
}

func (p pair) negative() pair { return pair{-p.hi, -p.lo} }

// plus is p+q, nearly to the digits of a pair.
func (p pair) plus(q pair) pair {
	s := twoSum(p.hi, q.hi)
	return fastTwoSum(s.hi, s.lo+(p.lo+q.lo))
}

// times is p*q, nearly to the digits of a pair.
func (p pair) times(q pair) pair {
	t := twoProduct(p.hi, q.hi)
	return fastTwoSum(t.hi, t.lo+(float64(p.hi*q.lo)+float64(p.lo*q.hi)))
}

// twoSum is a+b without any error (Knuth).
func twoSum(a, b float64) pair {
	s := a + b
	t := s - a
	return pair{s, (a - (s - t)) + (b - t)}
}

// fastTwoSum is twoSum for an a that is not the smaller one (Dekker).
func fastTwoSum(a, b float64) pair {
	s := a + b
	return pair{s, b - (s - a)}
}

// twoProduct is a*b without any error.
func twoProduct(a, b float64) pair {
	t := float64(a * b)
	return pair{t, math.FMA(a, b, -t)}
}

// sin is the sine of x.
func sin(x float64) float64 {
	p, ok := sinQuarters(x, 0)
	if !ok {
		return math.Sin(x)
	}
	return p.hi + p.lo
}

// cos is the cosine of x.
func cos(x float64) float64 {
	p, ok := sinQuarters(x, 1)
	if !ok {
		return math.Cos(x)
	}
	return p.hi + p.lo
}

// sinQuarters is the sine of x and so many quarters of a turn. It is not ok
// for an x of many turns, or one that is no number.
func sinQuarters(x float64, quarters int) (p pair, ok bool) {
	if !(math.Abs(x) < 1<<20) {
		return pair{}, false
	}
	rest := pair{x, 0}
	if math.Abs(x) > quarterHi/2 {
		n := math.RoundToEven(x / quarterHi)
		t := twoProduct(-n, quarterHi)
		u := twoProduct(-n, quarterLo)
		rest = twoSum(x+t.hi, t.lo) // x+t.hi is exact, so close are the two
		rest = rest.plus(pair{u.hi, u.lo - float64(n*quarterRest)})
		quarters += int(n)
	}
	if quarters&1 == 0 {
		p = sinNear(rest)
	} else {
		p = cosNear(rest)
	}
	if quarters&2 != 0 {
		p = p.negative()
	}
	return p, true
}

// split divides an angle of up to a quarter of a turn into steps and a rest.
func split(x pair) (step *sinCos, rest pair) {
	n := math.RoundToEven(x.hi / trigStep)
	return &trigTable[int(n)], fastTwoSum(x.hi-float64(n*trigStep), x.lo)
}

// sinNear is the sine of an angle of up to a quarter of a turn.
func sinNear(x pair) pair {
	if x.hi < 0 {
		return sinNear(x.negative()).negative()
	}
	t, r := split(x)
	if t.sin.hi == 0 {
		return fastTwoSum(r.hi, r.lo+sinTail(r.hi))
	}
	return addUp(t.sin, t.cos, r)
}

// cosNear is the cosine of an angle of up to a quarter of a turn.
func cosNear(x pair) pair {
	if x.hi < 0 {
		x = x.negative()
	}
	t, r := split(x)
	return addUp(t.cos, t.sin.negative(), r)
}

// addUp is the sine of a step and a rest: the step's sine a times the rest's
// cosine, and the step's cosine b times the rest's sine. With a cosine and a
// negative sine it is the cosine.
func addUp(a, b, r pair) pair {
	main := twoProduct(b.hi, r.hi)
	small := a.lo + main.lo + float64(b.lo*r.hi) + float64(b.hi*r.lo) +
		float64(a.hi*cosTail(r.hi)) + float64(b.hi*sinTail(r.hi))
	sum := twoSum(a.hi, main.hi)
	return fastTwoSum(sum.hi, sum.lo+small)
}

// sinTail is the sine of a short angle less the angle.
func sinTail(r float64) float64 {
	q := r * r
	return float64(r * q * (-1.0/6 + float64(q*(1.0/120+float64(q*(-1.0/5040+float64(q*(1.0/362880))))))))
}

// cosTail is the cosine of a short angle less 1.
func cosTail(r float64) float64 {
	q := r * r
	return q * (-0.5 + float64(q*(1.0/24+float64(q*(-1.0/720+float64(q*(1.0/40320)))))))
}

// asin is the arc sine of x, which is not negative. Near 1, where the sine
// hardly rises, it is a quarter of a turn less twice the arc sine of a number
// that tells more: asin x = π/2 - 2 asin √((1-x)/2).
func asin(x float64) float64 {
	switch {
	case !(x < 1) || x == 0:
		return math.Asin(x)
	case x < 0.5:
		y := asinNear(pair{x, 0})
		return y.hi + y.lo
	}
	z := (1 - x) / 2 // exact
	root := math.Sqrt(z)
	y := asinNear(pair{root, -math.FMA(root, root, -z) / (2 * root)})
	sum := twoSum(quarterHi, -2*y.hi)
	return sum.hi + (sum.lo + (quarterLo - 2*y.lo))
}

// asinNear is the arc sine of what is not far from 0: what the math package
// says, and how far its sine is from x.
func asinNear(x pair) pair {
	y := math.Asin(x.hi)
	s := sinNear(pair{y, 0})
	return pair{y, ((x.hi - s.hi) - s.lo + x.lo) / math.Cos(y)}
}
