package store

import (
	"math/big"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// The reference for long doubles is math/big, which rounds exact numbers to 64
// bits, and a pattern for what strtold takes.

var floatSyntax = regexp.MustCompile(`^[+-]?(?i:inf|infinity|` +
	`(\d+\.?\d*|\.\d+)(e[+-]?\d+)?|` +
	`0x([0-9a-f]+\.?[0-9a-f]*|\.[0-9a-f]+)(p[+-]?\d+)?)$`)

// bigFloat is what a long double holds of a number in valid syntax; false when
// that is nothing.
func bigFloat(s string) (*big.Float, bool) {
	lower := strings.ToLower(s)
	if strings.Contains(lower, "inf") {
		return new(big.Float).SetInf(s[0] == '-'), true
	}
	x := new(big.Float).SetPrec(64)
	if strings.Contains(lower, "x") {
		const exact = 4 * longDoubleMax
		y, _, err := big.ParseFloat(lower, 0, exact, big.ToNearestEven)
		if err != nil {
			return nil, false
		}
		return inRange(x.Set(y), y)
	}
	r, ok := new(big.Rat).SetString(lower)
	if !ok {
		return nil, false
	}
	if r.Sign() == 0 {
		return x, true
	}
	return inRange(x.SetRat(r), new(big.Float).SetPrec(1<<17).SetRat(r))
}

// inRange checks that the number whose 64 bits are x is one of a long double's.
func inRange(x, exact *big.Float) (*big.Float, bool) {
	tiniest := new(big.Float).SetMantExp(big.NewFloat(1), longDoubleTinyExp)
	if x.Sign() != 0 && new(big.Float).Abs(exact).Cmp(tiniest) <= 0 {
		return nil, false
	}
	return x, x.MantExp(nil) <= longDoubleMaxExp
}

// bigText prints a number as Redis does.
func bigText(x *big.Float) string {
	s := x.Text('f', fractionDigits)
	s = strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
	if s == "" || s == "-" || s == "-0" {
		return "0"
	}
	return s
}

// exponentOf is the exponent in a number's text, for leaving out those that the
// reference would take long for.
func exponentOf(s string) int {
	i := strings.LastIndexAny(s, "epEP")
	if i < 0 {
		return 0
	}
	n, err := strconv.Atoi(s[i+1:])
	if err != nil {
		return longDoubleMaxExp * 2
	}
	return max(n, -n)
}

// compareSum checks parsing, adding and printing against the reference.
func compareSum(t *testing.T, a, b string) {
	t.Helper()
	x, okX := compareParsed(t, a)
	y, okY := compareParsed(t, b)
	if !okX || !okY {
		return
	}
	sum := x.add(y)
	bigX, _ := bigFloat(a)
	bigY, _ := bigFloat(b)
	if bigX.IsInf() || bigY.IsInf() {
		if sum.finite() {
			t.Errorf("%s + %s is finite", a, b)
		}
		return
	}
	want := new(big.Float).SetPrec(64).Add(bigX, bigY)
	if want.MantExp(nil) > longDoubleMaxExp {
		if sum.finite() {
			t.Errorf("%s + %s is finite", a, b)
		}
		return
	}
	if !sum.finite() {
		t.Errorf("%s + %s is not finite", a, b)
	} else if got := string(sum.appendText(nil)); got != bigText(want) {
		t.Errorf("%s + %s = %s, want %s", a, b, got, bigText(want))
	}
}

// compareParsed checks the parsing of one number, if the reference can do it.
func compareParsed(t *testing.T, s string) (longDouble, bool) {
	t.Helper()
	x, err := parseLongDouble(s)
	if len(s) == 0 || len(s) >= longDoubleMax || !floatSyntax.MatchString(s) {
		if err == nil {
			t.Errorf("%.80q was taken for a number", s)
		}
		return x, false
	}
	if exponentOf(s) > longDoubleMaxExp*3/2 {
		return x, false
	}
	want, ok := bigFloat(s)
	if ok != (err == nil) {
		t.Errorf("%.80q: parsed %v, want %v", s, err == nil, ok)
		return x, false
	}
	if !ok || want.IsInf() {
		return x, ok
	}
	got := new(big.Float).SetMantExp(new(big.Float).SetUint64(x.mant), x.exp)
	if x.neg {
		got.Neg(got)
	}
	if got.Cmp(want) != 0 {
		t.Errorf("%.80q is %s, want %s", s, got.Text('p', 0), want.Text('p', 0))
	}
	return x, true
}

func TestLongDouble(t *testing.T) {
	long := strings.Repeat("9", longDoubleMax)
	tests := []struct{ name, a, b string }{
		{"small", "3.0", "1.1"},
		{"signs", "-1.5", "+.5"},
		{"nothing left", "0.1", "-0.1"},
		{"minus zero", "-0", "-0.0"},
		{"dots", "5.", ".5"},
		{"no digits", ".", "-"},
		{"empty", "", "0"},
		{"blanks", " 1", "1 "},
		{"two signs", "+-1", "--1"},
		{"two dots", "1.2.3", "1..2"},
		{"exponents", "1e3", "1E-3"},
		{"half an exponent", "1e", "1e+"},
		{"fraction in an exponent", "1e1.5", "1"},
		{"underscore", "1_0", "0b1"},
		{"zero byte", "1\x00", "1"},
		{"nan", "nan", "nan(1)"},
		{"infinity", "inf", "-Infinity"},
		{"one infinity", "infinity", "1"},
		{"part of infinity", "infin", "infx"},
		{"hexadecimal", "0x1.8p-3", "-0X.8P2"},
		{"hexadecimal without digits", "0x", "0x.p1"},
		{"hexadecimal with no exponent", "0xff", "0x1p"},
		{"17 decimals", "0.00000000000000001", "0.000000000000000005"},
		{"tie to even below", "0x1p-18", "0x1p-19"},
		{"carry into the integer", "0.999999999999999999", "0"},
		{"below what is printed", "-1e-20", "0"},
		{"64 bits", "18446744073709551615", "0.5"},
		{"65 bits", "18446744073709551615", "1"},
		{"tie in 64 bits", "36893488147419103232", "1"},
		{"other tie in 64 bits", "36893488147419103234", "1"},
		{"far apart", "1e30", "1e-30"},
		{"far apart, subtracted", "1e30", "-1e-30"},
		{"cancels to one bit", "0x1.0000000000000002p0", "-1"},
		{"19 digits", "9999999999999999999", "0"},
		{"20 digits", "99999999999999999999", "0"},
		{"20 digits with a dot", "1234567890.1234567891", "0"},
		{"many zeros", "000000000000000000000000000012.50000000000000000000000000", "0"},
		{"10^27", "1e27", "1e-27"},
		{"10^28", "1e28", "1e-28"},
		{"greatest", "0xffffffffffffffffp16320", "0"},
		{"too great by rounding", "0xffffffffffffffff8p16316", "0"},
		{"just not", "0xffffffffffffffff7p16316", "0"},
		{"too great", "0x1p16384", "1e4933"},
		{"sum too great", "0xffffffffffffffffp16320", "0x1p16320"},
		{"sum not too great", "0xffffffffffffffffp16320", "0x1p16319"},
		{"tiniest", "0x1p-16445", "0x1.0000001p-16446"},
		{"rounds to zero", "0x1p-16446", "1e-5000"},
		{"zero with an exponent", "0e999999999999999999999", "0x0p-99999999999999"},
		{"endless exponent", "1e99999999999999999999", "1e-99999999999999999999"},
		{"longest text", long[1:], "1"},
		{"longest text with a dot", "1." + long[3:], "0." + strings.Repeat("0", 4900) + "1"},
		{"text too long", long, "1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			compareSum(t, tt.a, tt.b)
			compareSum(t, tt.b, tt.a)
		})
	}
}

// TestLongDoubleNear adds random numbers whose bits come to lie near one
// another's ends, where rounding is decided.
func TestLongDoubleNear(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	hex := func(mant uint64, exp int) string {
		return "0x" + strconv.FormatUint(mant, 16) + "p" + strconv.Itoa(exp)
	}
	for range 20000 {
		mant := rng.Uint64() | 1<<63
		near := []uint64{1, 2, 3, mant, mant - 1, mant + 1, 1 << 63, 1<<63 + 1, rng.Uint64()}[rng.IntN(9)]
		exp := rng.IntN(150) - 140
		apart := []int{0, 1, 2, 61, 62, 63, 64, 65, 66, 67, 126, 127, 128, 129, rng.IntN(200)}[rng.IntN(15)]
		b := hex(near, exp-apart)
		if rng.IntN(2) == 0 {
			b = "-" + b
		}
		compareSum(t, hex(mant, exp), b)
	}
}

// FuzzLongDouble compares with math/big.
func FuzzLongDouble(f *testing.F) {
	f.Add("3.0e3", "-1.1")
	f.Add("0x1.fp-70", "10.5")
	f.Add("123456789012345678901234567890.5", "1e-30")
	f.Add("inf", "-0")
	f.Fuzz(func(t *testing.T, a, b string) { compareSum(t, a, b) })
}
