package looks

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"
	"testing"
	"time"
)

// A moving PNG is a PNG with more chunks: acTL says how many frames there are, and before the data of each stands an fcTL, which says
// where it goes and for how long. The data of all but the first are fdAT, which is IDAT behind a number.
// https://www.w3.org/TR/png-3/#11Ancillary-chunks

// signature is what each PNG begins with.
const signature = "\x89PNG\r\n\x1a\n"

// chunk is one part of a PNG.
type chunk struct {
	kind string
	data []byte
}

// moving makes a moving PNG that goes on for ever. All frames have the size and the palette of the first. Of the others there is only what
// differs from the one before.
func moving(frames []*image.Paletted, shown []time.Duration) ([]byte, error) {
	var (
		file     bytes.Buffer
		sequence uint32
		end      chunk
	)
	numbered := func(rest ...byte) []byte {
		data := append(binary.BigEndian.AppendUint32(nil, sequence), rest...)
		sequence++
		return data
	}
	file.WriteString(signature)
	for i, frame := range frames {
		part := frame.Rect
		if i > 0 {
			part = differing(frames[i-1], frame)
		}
		still, err := chunks(frame.SubImage(part))
		if err != nil {
			return nil, err
		}
		var control []byte
		for _, n := range []int{part.Dx(), part.Dy(), part.Min.X, part.Min.Y} {
			control = binary.BigEndian.AppendUint32(control, uint32(n)) //nolint:gosec // a picture is not that large
		}
		control = binary.BigEndian.AppendUint16(control, uint16(shown[i].Milliseconds())) //nolint:gosec // a minute at most
		control = append(control, 0x03, 0xe8, 0, 0)                                       // of 1000; what is drawn stays, and is drawn over
		controlled := false
		for _, c := range still {
			if c.kind == "IDAT" && !controlled {
				controlled = true
				write(&file, chunk{"fcTL", numbered(control...)})
			}
			switch {
			case c.kind == "IEND":
				end = c
			case c.kind == "IDAT" && i > 0:
				write(&file, chunk{"fdAT", numbered(c.data...)})
			case i == 0:
				write(&file, c)
			}
			if c.kind == "IHDR" && i == 0 {
				count := binary.BigEndian.AppendUint32(nil, uint32(len(frames))) //nolint:gosec // not that many
				write(&file, chunk{"acTL", append(count, 0, 0, 0, 0)})
			}
		}
	}
	write(&file, end)
	return file.Bytes(), nil
}

// differing is where the two are not the same: at least one pixel, for a frame cannot be empty.
func differing(a, b *image.Paletted) image.Rectangle {
	part := image.Rectangle{}
	for y := range b.Rect.Dy() {
		for x := range b.Rect.Dx() {
			if a.ColorIndexAt(x, y) != b.ColorIndexAt(x, y) {
				part = part.Union(image.Rect(x, y, x+1, y+1))
			}
		}
	}
	if part.Empty() {
		return image.Rect(0, 0, 1, 1)
	}
	return part
}

// chunks are those of a picture that stands still.
func chunks(picture image.Image) ([]chunk, error) {
	var file bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	if err := encoder.Encode(&file, picture); err != nil {
		return nil, err
	}
	return split(file.Bytes())
}

// split takes a PNG to pieces.
func split(file []byte) (all []chunk, err error) {
	r := bytes.NewReader(file[len(signature):])
	for r.Len() > 0 {
		var head [8]byte
		if _, err = io.ReadFull(r, head[:]); err != nil {
			return nil, err
		}
		data := make([]byte, binary.BigEndian.Uint32(head[:4]))
		var sum [4]byte
		if _, err = io.ReadFull(r, data); err == nil {
			_, err = io.ReadFull(r, sum[:])
		}
		if err != nil {
			return nil, err
		}
		all = append(all, chunk{string(head[4:]), data})
	}
	return all, nil
}

func write(file *bytes.Buffer, c chunk) {
	named := append([]byte(c.kind), c.data...)
	_ = binary.Write(file, binary.BigEndian, uint32(len(c.data))) //nolint:gosec // not that long; a buffer takes everything
	file.Write(named)
	_ = binary.Write(file, binary.BigEndian, crc32.ChecksumIEEE(named)) // as above
}

func TestAMovingPictureIsAPNGWhoseFramesFollowEachOther(t *testing.T) {
	t.Parallel()
	var pictures []image.Image
	for i := range 4 {
		p := image.NewRGBA(image.Rect(0, 0, 40, 30))
		draw.Draw(p, p.Rect, image.NewUniform(color.RGBA{0xf7, 0xf6, 0xf2, 0xff}), image.Point{}, draw.Src)
		draw.Draw(p, image.Rect(5*min(i, 2), 10, 5*min(i, 2)+8, 20), image.NewUniform(color.RGBA{0x0f, 0x5c, 0x55, 0xff}), image.Point{}, draw.Src)
		pictures = append(pictures, p)
	}
	frames := reduced(pictures, 16)
	shown := []time.Duration{time.Second, 300 * time.Millisecond, 50 * time.Millisecond, 4 * time.Second}
	file, err := moving(frames, shown)
	if err != nil {
		t.Fatal(err)
	}
	if first, err := png.Decode(bytes.NewReader(file)); err != nil || !same(first, pictures[0]) {
		t.Errorf("to who knows no moving ones it is not the first frame: %v", err)
	}

	all, err := split(file)
	if err != nil {
		t.Fatal(err)
	}
	var header, palette chunk
	var sequence uint32
	count := -1
	canvas := image.NewRGBA(image.Rect(0, 0, 40, 30))
	var at image.Rectangle
	next := func(data []byte) []byte {
		if got := binary.BigEndian.Uint32(data); got != sequence {
			t.Errorf("number %d instead of %d", got, sequence)
		}
		sequence++
		return data[4:]
	}
	for _, c := range all {
		data := c.data
		switch c.kind {
		case "IHDR":
			header = c
		case "PLTE":
			palette = c
		case "acTL":
			if n := binary.BigEndian.Uint32(data); n != 4 {
				t.Errorf("it says that it has %d frames", n)
			}
		case "fcTL":
			count++
			data = next(data)
			number := func(i int) int { return int(binary.BigEndian.Uint32(data[4*i:])) }
			at = image.Rect(number(2), number(3), number(2)+number(0), number(3)+number(1))
			delay := time.Second * time.Duration(binary.BigEndian.Uint16(data[16:])) / time.Duration(binary.BigEndian.Uint16(data[18:]))
			if delay != shown[count] {
				t.Errorf("frame %d is shown for %v", count, delay)
			}
		case "fdAT":
			data = next(data)
			fallthrough
		case "IDAT":
			var still bytes.Buffer
			still.WriteString(signature)
			size := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(at.Dx())), uint32(at.Dy())) //nolint:gosec // small
			write(&still, chunk{"IHDR", append(size, header.data[8:]...)})
			write(&still, palette)
			write(&still, chunk{"IDAT", data})
			write(&still, chunk{"IEND", nil})
			part, err := png.Decode(&still)
			if err != nil {
				t.Fatalf("frame %d: %v", count, err)
			}
			draw.Draw(canvas, at, part, image.Point{}, draw.Src)
			if !same(canvas, pictures[count]) {
				t.Errorf("frame %d is another picture", count)
			}
		}
	}
	if last := all[len(all)-1].kind; count != 3 || last != "IEND" {
		t.Errorf("it has %d frames and ends with %s", count+1, last)
	}
}

func same(a, b image.Image) bool {
	equal := a.Bounds().Size() == b.Bounds().Size()
	each(a, func(x, y int, c color.RGBA) { equal = equal && c == color.RGBAModel.Convert(b.At(x, y)) })
	return equal
}

func TestAPictureKeepsTheColoursThatMatterMost(t *testing.T) {
	t.Parallel()
	ground, mark := color.RGBA{0xf7, 0xf6, 0xf2, 0xff}, color.RGBA{0x0f, 0x5c, 0x55, 0xff}
	p := image.NewRGBA(image.Rect(0, 0, 100, 100))
	draw.Draw(p, p.Rect, image.NewUniform(ground), image.Point{}, draw.Src)
	draw.Draw(p, image.Rect(10, 10, 90, 90), image.NewUniform(mark), image.Point{}, draw.Src)
	for i := range 80 { // an edge
		p.SetRGBA(10+i, 9, color.RGBA{uint8(0x20 + 2*i), 0x80, 0x80, 0xff})
	}
	got := reduced([]image.Image{p}, 8)[0]
	if len(got.Palette) != 8 || got.At(0, 0) != color.Color(ground) || got.At(50, 50) != color.Color(mark) {
		t.Errorf("%d colours, the ground is %v and the mark %v", len(got.Palette), got.At(0, 0), got.At(50, 50))
	}
}
