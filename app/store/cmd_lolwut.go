package store

import (
	"math/rand/v2"
	"strings"
)

// LOLWUT: a picture, another each time, and the version. Ours is what a row of
// cells becomes when each looks at its two neighbours to see whether it lives on:
// one of Wolfram's elementary automata, a generation a line of dots.

var lolwutCommands = []command{
	{name: "lolwut", arity: -1, flags: readonly | fast, run: (*KVStore).cmdLolwut},
}

// cmdLolwut serves LOLWUT [VERSION version [columns [rows]]].
func (kv *KVStore) cmdLolwut(c *Client, args []string) error {
	size := []int64{66, 12} // in characters
	if len(args) >= 3 && is(args[1], "version") {
		version, err := parseInt(args[2])
		if err != nil {
			return err
		}
		// Of the versions of Redis that draw, 5 takes three numbers and 6 two.
		numbers := args[3:]
		numbers = numbers[:min(len(numbers), map[int64]int{5: 3, 6: 2}[version])]
		for i, arg := range numbers {
			n, err := parseInt(arg)
			if err != nil {
				return err
			}
			if i < len(size) {
				size[i] = min(max(n, 1), lolwutMax)
			}
		}
	}
	picture := drawAutomaton(int(size[0]), int(size[1]), lolwutRules[rand.IntN(len(lolwutRules))])
	c.reply.Verbatim("txt", picture+"\nRedis ver. "+RedisVersion+"\n")
	return nil
}

// lolwutMax is how many columns and rows there are at the most.
const lolwutMax = 1000

// lolwutRules are automata worth looking at: bit 4·left + 2·self + right of a rule
// tells whether the cell lives.
var lolwutRules = []uint8{18, 22, 30, 45, 54, 60, 73, 90, 102, 105, 110, 122, 126, 129, 135, 146, 150, 161, 182}

// drawAutomaton draws a rule from one living cell, or a random row, in Braille,
// whose characters have two by four dots.
func drawAutomaton(columns, rows int, rule uint8) string {
	cells := make([]uint8, 2*columns)
	cells[columns] = 1
	if rand.IntN(3) == 0 {
		for i := range cells {
			cells[i] = uint8(rand.IntN(2))
		}
	}
	// The dots of a character, by row and column, as Unicode numbers them.
	dots := [4][2]rune{{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}}
	next := make([]uint8, len(cells))
	line := make([]rune, columns)
	var b strings.Builder
	for range rows {
		for i := range line {
			line[i] = 0x2800
		}
		for _, row := range dots {
			for i, alive := range cells {
				line[i/2] |= row[i%2] * rune(alive)
				left, right := cells[(i+len(cells)-1)%len(cells)], cells[(i+1)%len(cells)]
				next[i] = rule >> (4*left + 2*alive + right) & 1
			}
			cells, next = next, cells
		}
		b.WriteString(string(line) + "\n")
	}
	return b.String()
}
