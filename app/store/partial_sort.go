package store

// Partial sorting, for commands that return a part of what they sort, such as
// GEOSEARCH with COUNT. It is the quicksort of Bentley and McIlroy ("Engineering
// a Sort Function", 1993), which does not go into parts that nobody asked for.
// What compares equal comes in the order in which Redis returns it, which takes
// the same steps.

// partialSort puts at the indexes from to to-1 of list what stands there when
// all of it is sorted.
func partialSort[T any](list []T, from, to int, compare func(x, y *T) int) {
	s := partialSorter[T]{list, from, to, compare}
	s.sort(0, len(list))
}

type partialSorter[T any] struct {
	list     []T
	from, to int
	compare  func(x, y *T) int
}

func (s *partialSorter[T]) order(i, j int) int { return s.compare(&s.list[i], &s.list[j]) }

func (s *partialSorter[T]) swap(i, j int) { s.list[i], s.list[j] = s.list[j], s.list[i] }

// swapRuns swaps n elements from i on with those from j on.
func (s *partialSorter[T]) swapRuns(i, j, n int) {
	for k := range n {
		s.swap(i+k, j+k)
	}
}

// wanted reports whether any of n elements from start on is asked for.
func (s *partialSorter[T]) wanted(start, n int) bool { return start < s.to && start+n > s.from }

// sort sorts n elements from start on.
func (s *partialSorter[T]) sort(start, n int) {
	const few = 7
	for n >= few {
		less, more := s.partition(start, n)
		if less > 1 && s.wanted(start, less) {
			s.sort(start, less)
		}
		start, n = start+n-more, more
		if n <= 1 || !s.wanted(start, n) {
			return
		}
	}
	for i := start + 1; i < start+n; i++ {
		for j := i; j > start && s.order(j-1, j) > 0; j-- {
			s.swap(j, j-1)
		}
	}
}

// partition puts what is less than one of n elements before it, and what is more
// behind it, and returns how many are less and how many more. What equals it is
// gathered at both ends and then swapped to the middle.
func (s *partialSorter[T]) partition(start, n int) (less, more int) {
	end := start + n
	s.swap(start, s.pivot(start, n))
	a, b := start+1, start+1
	c, d := end-1, end-1
	for {
		for ; b <= c; b++ {
			order := s.order(b, start)
			if order > 0 {
				break
			}
			if order == 0 {
				s.swap(a, b)
				a++
			}
		}
		for ; b <= c; c-- {
			order := s.order(c, start)
			if order < 0 {
				break
			}
			if order == 0 {
				s.swap(c, d)
				d--
			}
		}
		if b > c {
			break
		}
		s.swap(b, c)
		b++
		c--
	}
	r := min(a-start, b-a)
	s.swapRuns(start, b-r, r)
	r = min(d-c, end-d-1)
	s.swapRuns(b, end-r, r)
	return b - a, d - c
}

// pivot is the index of an element in the middle of n: the middle one, the
// median of three, or of three medians.
func (s *partialSorter[T]) pivot(start, n int) int {
	low, middle, high := start, start+n/2, start+n-1
	if n == 7 {
		return middle
	}
	if n > 40 {
		d := n / 8
		low = s.median(low, low+d, low+2*d)
		middle = s.median(middle-d, middle, middle+d)
		high = s.median(high-2*d, high-d, high)
	}
	return s.median(low, middle, high)
}

func (s *partialSorter[T]) median(i, j, k int) int {
	if s.order(i, j) < 0 {
		switch {
		case s.order(j, k) < 0:
			return j
		case s.order(i, k) < 0:
			return k
		}
		return i
	}
	switch {
	case s.order(j, k) > 0:
		return j
	case s.order(i, k) < 0:
		return i
	}
	return k
}
