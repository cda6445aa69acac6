package store

import "math/bits"

// Histograms of durations, one for each command that was called: what INFO
// latencystats and LATENCY HISTOGRAM show. They are laid out as HdrHistogram's
// of two significant digits from 1 ns to 1 s, which is what Redis uses, so that
// both print the same bounds. A doubling of the duration, an octave, is cut into
// 128 slots of equal width:
//
//	slots 0 … 255     one for each ns
//	slots 256 … 383   2 ns each, from 256 ns on
//	slots 384 … 511   4 ns each, from 512 ns on, and so forth
//
// The 128 slots of an octave are a page, made when its first duration comes. A
// command fills a few of the 24 pages, a kilobyte each, and counting is an index
// and an addition.

const (
	histogramMaxNs = 1_000_000_000 // longer durations count as this
	pageBits       = 7
	pageSlots      = 1 << pageBits
	histogramPages = 24
	histogramSlots = histogramPages * pageSlots
)

// A histogram counts durations. The zero value is empty.
type histogram struct {
	pages [histogramPages]*[pageSlots]uint64
}

// slotFor is the slot of a duration.
func slotFor(ns int64) int {
	octave := bits.Len64(uint64(ns)|(2*pageSlots-1)) - pageBits - 1
	return octave<<pageBits + int(ns>>octave)
}

// slotEnd is the longest duration that falls into a slot, and its width.
func slotEnd(slot int) (ns, width int64) {
	octave := max(slot>>pageBits-1, 0)
	width = 1 << octave
	return int64(slot-octave<<pageBits+1)<<octave - 1, width
}

// record counts a duration.
func (h *histogram) record(ns int64) {
	slot := slotFor(min(max(ns, 1), histogramMaxNs))
	page := h.pages[slot>>pageBits]
	if page == nil {
		page = new([pageSlots]uint64)
		h.pages[slot>>pageBits] = page
	}
	page[slot&(pageSlots-1)]++
}

// count is what a slot has counted.
func (h *histogram) count(slot int) int64 {
	if page := h.pages[slot>>pageBits]; page != nil {
		return int64(page[slot&(pageSlots-1)])
	}
	return 0
}

// total is the number of durations counted.
func (h *histogram) total() (n int64) {
	for _, page := range h.pages {
		if page == nil {
			continue
		}
		for _, count := range page {
			n += int64(count)
		}
	}
	return n
}

// percentile is the duration in ns that so many per cent of those counted do not
// exceed, as exact as the slots are.
func (h *histogram) percentile(p float64) int64 {
	wanted := max(int64(p/100*float64(h.total())+0.5), 1)
	for slot := range histogramSlots {
		if wanted -= h.count(slot); wanted > 0 {
			continue
		}
		end, width := slotEnd(slot)
		if p == 0 {
			return end - width + 1
		}
		return end
	}
	return 0
}

// steps visits powers of two of the duration, in µs, with the number of those
// counted that do not exceed it; only those that add to the number. As in
// HdrHistogram a power of two ends with the slot that it falls into.
func (h *histogram) steps(visit func(us, count int64)) {
	var sum int64
	total, slot := h.total(), 0
	for level := int64(1024); sum < total; level *= 2 {
		last, before := min(slotFor(level), histogramSlots-1), sum
		for ; slot <= last; slot++ {
			sum += h.count(slot)
		}
		if sum > before {
			end, _ := slotEnd(last)
			visit(end/1000, sum)
		}
	}
}
