package tensorboard

import (
	"encoding/binary"
	"hash/crc32"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// event is TensorFlow's Event with a summary of one value, or a file's first
// event, which names the version.
type event struct {
	wall    float64 // seconds since 1970
	step    int
	version string
	value   value
}

type value struct {
	tag       string
	scalar    *float64
	histogram *histogram
}

// The field numbers of event.proto, summary.proto and histogram.proto.
const (
	eventWall    = 1
	eventStep    = 2
	eventVersion = 3
	eventSummary = 5

	summaryValue = 1

	valueTag       = 1
	valueScalar    = 2
	valueHistogram = 5

	histogramMin     = 1
	histogramMax     = 2
	histogramNum     = 3
	histogramSum     = 4
	histogramSquares = 5
	histogramLimits  = 6
	histogramCounts  = 7
)

func (e event) encode() []byte {
	b := double(nil, eventWall, e.wall)
	if e.version != "" {
		return text(b, eventVersion, e.version)
	}
	if e.step != 0 {
		b = protowire.AppendTag(b, eventStep, protowire.VarintType)
		b = protowire.AppendVarint(b, uint64(int64(e.step)))
	}
	return message(b, eventSummary, message(nil, summaryValue, e.value.encode()))
}

func (v value) encode() []byte {
	b := text(nil, valueTag, v.tag)
	if v.histogram != nil {
		return message(b, valueHistogram, v.histogram.encode())
	}
	b = protowire.AppendTag(b, valueScalar, protowire.Fixed32Type)
	return protowire.AppendFixed32(b, math.Float32bits(float32(*v.scalar)))
}

func (h histogram) encode() []byte {
	b := double(nil, histogramMin, h.min)
	b = double(b, histogramMax, h.max)
	b = double(b, histogramNum, h.num)
	b = double(b, histogramSum, h.sum)
	b = double(b, histogramSquares, h.squares)
	b = message(b, histogramLimits, doubles(h.limits))
	return message(b, histogramCounts, doubles(h.counts))
}

func double(b []byte, field protowire.Number, v float64) []byte {
	return protowire.AppendFixed64(protowire.AppendTag(b, field, protowire.Fixed64Type), math.Float64bits(v))
}

func doubles(values []float64) (b []byte) {
	for _, v := range values {
		b = protowire.AppendFixed64(b, math.Float64bits(v))
	}
	return b
}

func text(b []byte, field protowire.Number, s string) []byte {
	return protowire.AppendString(protowire.AppendTag(b, field, protowire.BytesType), s)
}

func message(b []byte, field protowire.Number, m []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), m)
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// record frames an event as TFRecord does: its length, the length's checksum, the
// event, its checksum.
func record(data []byte) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(data)))
	b = binary.LittleEndian.AppendUint32(b, masked(b))
	b = append(b, data...)
	return binary.LittleEndian.AppendUint32(b, masked(data))
}

// masked is the CRC-32C of data, rotated and shifted so that data which holds
// checksums has a good one too.
func masked(data []byte) uint32 {
	sum := crc32.Checksum(data, castagnoli)
	return (sum>>15 | sum<<17) + 0xa282ead8
}
