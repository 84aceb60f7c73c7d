package onboardtest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// qrVersion is what ISO/IEC 18004 says of a size of QR code at error correction level M.
type qrVersion struct {
	check  int   // check codewords in each block
	blocks []int // data codewords of each block
	align  []int // rows and columns of the alignment patterns
}

// qrVersions starts with version 1, the smallest. Version 10 holds 213 bytes: more than any address of this program.
var qrVersions = []qrVersion{
	{10, []int{16}, nil},
	{16, []int{28}, []int{6, 18}},
	{26, []int{44}, []int{6, 22}},
	{18, []int{32, 32}, []int{6, 26}},
	{24, []int{43, 43}, []int{6, 30}},
	{16, []int{27, 27, 27, 27}, []int{6, 34}},
	{18, []int{31, 31, 31, 31}, []int{6, 22, 38}},
	{22, []int{38, 38, 39, 39}, []int{6, 24, 42}},
	{22, []int{36, 36, 36, 37, 37}, []int{6, 26, 46}},
	{26, []int{43, 43, 43, 43, 44}, []int{6, 28, 50}},
}

// ReadQR reads a clean QR code: whether a module is dark is told by dark, size is the number of modules on each side without
// quiet zone. It shares nothing with what draws the codes, checks the patterns by which readers find a code, and the check
// codewords by which they repair it.
func ReadQR(size int, dark func(x, y int) bool) (string, error) {
	number := (size - 17) / 4
	if size != 17+4*number || number < 1 || number > len(qrVersions) {
		return "", fmt.Errorf("a QR code of %d modules cannot be read here", size)
	}
	v := qrVersions[number-1]
	mask, err := readQRFrame(size, number, dark)
	if err != nil {
		return "", err
	}
	return readQRText(v.data(readQRWords(size, v.reserved(size, number), mask, dark)), number)
}

// readQRFrame checks the three corners and the timing patterns, and gives the number of the mask.
func readQRFrame(size, number int, dark func(x, y int) bool) (mask int, err error) {
	for _, corner := range [][2]int{{0, 0}, {size - 7, 0}, {0, size - 7}} {
		for y := range 7 {
			for x := range 7 {
				ring := max(x, 6-x, y, 6-y) // 3 in the middle, 6 at the edge
				if dark(corner[0]+x, corner[1]+y) != (ring != 5) {
					return 0, errors.New("a corner of the QR code is not drawn right")
				}
			}
		}
	}
	for i := 8; i < size-8; i++ {
		if dark(i, 6) != (i%2 == 0) || dark(6, i) != (i%2 == 0) {
			return 0, errors.New("a timing pattern of the QR code is not drawn right")
		}
	}
	var format, again int // 15 bits, kept twice
	for i := range 15 {
		x, y := 8, i // up along the left corner, from the lowest bit
		switch {
		case i >= 9:
			x, y = 14-i, 8
		case i == 8:
			x, y = 7, 8
		case i >= 6:
			y = i + 1
		}
		x2, y2 := size-1-i, 8
		if i >= 8 {
			x2, y2 = 8, size-15+i
		}
		if dark(x, y) {
			format |= 1 << i
		}
		if dark(x2, y2) {
			again |= 1 << i
		}
	}
	if format != again {
		return 0, fmt.Errorf("the QR code has two formats, %015b and %015b", format, again)
	}
	format ^= 0b101010000010010
	if level := format >> 13; level != 0 {
		return 0, fmt.Errorf("the QR code has error correction %02b, not M", level)
	}
	if !dark(8, size-8) {
		return 0, fmt.Errorf("the module beside the corner is light, version %d", number)
	}
	return format >> 10 & 7, nil
}

// reserved says which modules hold no data.
func (v qrVersion) reserved(size, number int) func(x, y int) bool {
	return func(x, y int) bool {
		corner := x < 9 && y < 9 || x >= size-8 && y < 9 || x < 9 && y >= size-8
		version := number >= 7 && (x >= size-11 && y < 6 || y >= size-11 && x < 6)
		if corner || version || x == 6 || y == 6 {
			return true
		}
		near := func(n int) bool {
			return slices.ContainsFunc(v.align, func(a int) bool { return n >= a-2 && n <= a+2 })
		}
		if len(v.align) == 0 || !near(x) || !near(y) {
			return false
		}
		// The alignment patterns that would lie on a corner are left out.
		first, last := v.align[0]+2, v.align[len(v.align)-1]-2
		return !(x <= first && y <= first || x <= first && y >= last || x >= last && y <= first)
	}
}

// readQRWords collects the codewords: two columns at a time from the right, up and down in turn.
func readQRWords(size int, reserved func(x, y int) bool, mask int, dark func(x, y int) bool) []byte {
	var words []byte
	bits, word := 0, byte(0)
	up := true
	for right := size - 1; right > 0; right -= 2 {
		if right == 6 {
			right--
		}
		for i := range size {
			y := i
			if up {
				y = size - 1 - i
			}
			for _, x := range []int{right, right - 1} {
				if reserved(x, y) {
					continue
				}
				word <<= 1
				if dark(x, y) != masked(mask, x, y) {
					word |= 1
				}
				if bits++; bits%8 == 0 {
					words = append(words, word)
				}
			}
		}
		up = !up
	}
	return words
}

func masked(mask, x, y int) bool {
	switch mask {
	case 0:
		return (x+y)%2 == 0
	case 1:
		return y%2 == 0
	case 2:
		return x%3 == 0
	case 3:
		return (x+y)%3 == 0
	case 4:
		return (y/2+x/3)%2 == 0
	case 5:
		return x*y%2+x*y%3 == 0
	case 6:
		return (x*y%2+x*y%3)%2 == 0
	default:
		return ((x+y)%2+x*y%3)%2 == 0
	}
}

// data undoes the interleaving of the blocks. It gives nil when the check codewords of one do not fit.
func (v qrVersion) data(words []byte) []byte {
	blocks := make([][]byte, len(v.blocks))
	deal := func(wants func(i int) int) {
		for round := range slices.Max(v.blocks) {
			for i := range blocks {
				if round < wants(i) && len(words) > 0 {
					blocks[i], words = append(blocks[i], words[0]), words[1:]
				}
			}
		}
	}
	deal(func(i int) int { return v.blocks[i] })
	deal(func(int) int { return v.check })
	var data []byte
	for i, block := range blocks {
		if len(block) != v.blocks[i]+v.check || !sound(block, v.check) {
			return nil
		}
		data = append(data, block[:v.blocks[i]]...)
	}
	return data
}

// sound says whether a block is a word of the Reed-Solomon code: as a polynomial over GF(256) it is zero at the first powers
// of the generator.
func sound(block []byte, check int) bool {
	times := func(a, b byte) (product byte) {
		for ; b > 0; b >>= 1 {
			if b&1 > 0 {
				product ^= a
			}
			carry := a & 0x80
			if a <<= 1; carry > 0 {
				a ^= 0x1d
			}
		}
		return product
	}
	at := byte(1)
	for range check {
		sum := byte(0)
		for _, word := range block {
			sum = times(sum, at) ^ word
		}
		if sum != 0 {
			return false
		}
		at = times(at, 2)
	}
	return true
}

// readQRText reads one segment of digits, of capitals and a few signs, or of bytes.
func readQRText(data []byte, number int) (string, error) {
	if data == nil {
		return "", errors.New("the QR code is damaged")
	}
	at := 0
	take := func(n int) (value int) {
		for range n {
			value <<= 1
			if at/8 < len(data) && data[at/8]&(0x80>>(at%8)) > 0 {
				value |= 1
			}
			at++
		}
		return value
	}
	const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
	long := 0
	if number >= 10 {
		long = 1
	}
	var text strings.Builder
	switch mode := take(4); mode {
	case 1:
		n := take([]int{10, 12}[long])
		for ; n >= 3; n -= 3 {
			fmt.Fprintf(&text, "%03d", take(10))
		}
		if n > 0 {
			fmt.Fprintf(&text, "%0*d", n, take([]int{4, 7}[n-1]))
		}
	case 2:
		n := take([]int{9, 11}[long])
		for ; n >= 2; n -= 2 {
			pair := take(11)
			text.WriteByte(alphabet[pair/45%45])
			text.WriteByte(alphabet[pair%45])
		}
		if n > 0 {
			text.WriteByte(alphabet[take(6)%45])
		}
	case 4:
		for range take([]int{8, 16}[long]) {
			text.WriteByte(byte(take(8) & 0xff))
		}
	default:
		return "", fmt.Errorf("the QR code holds something in mode %d", mode)
	}
	if end := take(4); end != 0 && at <= len(data)*8 {
		return "", fmt.Errorf("the QR code goes on in mode %d", end)
	}
	return text.String(), nil
}
