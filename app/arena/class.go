package arena

const (
	// classMax is the biggest block of a class: two fit in a run.
	classMax = 32 << 10

	// Steps of 8 bytes while a step of an eighth would be hardly wider: a
	// store's blocks are mostly this small, and each step saved is memory.
	stepMax = 256

	numClasses = 1 + 32 + 4*8 + 18
)

// Classes of runs beside the size classes.
const (
	classNone   = 0   // the run is free
	classMapped = 253 // its chunk is one block with a mapping of its own
	classSpan   = 254 // first run of a block made of whole runs; live counts its pages
	classTail   = 255 // a further run of such a block
)

// wideClasses are the classes over 4 KiB. So few of them fit in a run that what
// is left over would be much: most are an even share of the run, in steps of
// the table's 128 bytes, and the others, 14720 and up, split the widest gaps.
var wideClasses = [18]int{
	4352, 4608, 4992, 5376, 5888, 6528, 7168, 8192, // 15, 14, 13, 12, 11, 10, 9, 8 in a run
	9344, 10880, 13056, 14720, 16384, // 7, 6, 5, 4, 4
	18944, 21760, 25344, 28928, 32768, // 3, 3, 2, 2, 2
}

// A classTable maps sizes to classes, and classes to sizes. Class 0 is none.
type classTable struct {
	units  [256]uint16             // size of a block in units; as long as a class can count
	fine   [1024/8 + 1]uint8       // class by size in units, up to 1 KiB
	coarse [classMax/128 + 1]uint8 // class by size in steps of 128 bytes
}

var classes = newClassTable()

func newClassTable() (t classTable) {
	var sizes []int
	for size := unitBytes; size <= stepMax; size += unitBytes {
		sizes = append(sizes, size)
	}
	for base := stepMax; base < wideClasses[0]&^(pageBytes-1); base *= 2 {
		for eighth := 1; eighth <= 8; eighth++ {
			sizes = append(sizes, base+base/8*eighth)
		}
	}
	sizes = append(sizes, wideClasses[:]...)
	for i, size := range sizes {
		t.units[i+1] = uint16(size / unitBytes)
	}
	t.fine[0] = 1
	fill(t.fine[1:], sizes, 8)
	fill(t.coarse[1:], sizes, 128)
	return t
}

// fill sets table[i] to the class of the smallest size that holds i+1 steps.
func fill(table []uint8, sizes []int, step int) {
	c := 0
	for i := range table {
		for sizes[c] < (i+1)*step {
			c++
		}
		table[i] = uint8(c + 1)
	}
}

// classOf returns the class of blocks of n bytes, n <= classMax.
func classOf(n int) uint8 {
	if n <= 1024 {
		return classes.fine[(n+7)>>3]
	}
	return classes.coarse[(n+127)>>7]
}
