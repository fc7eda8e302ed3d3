package report

import (
	"fmt"
	"math"

	"clipcalib/calib"
)

// Measures of a reliability diagram: a square for the bars, the inverted
// histogram under it.
const (
	diagramSide  = 196.0
	histogramH   = 50.0
	histogramGap = 20.0
	diagramH     = diagramSide + histogramGap + histogramH
	keyLine      = 18.0 // between the lines of the key
)

// drawReliability draws a reliability diagram whose square has its upper left
// corner at (x, y), accuracy and ECE in per cent above it: a bar of accuracy
// per bin, the gap from there to the mean confidence in red where the model is
// over-confident and in blue where it is under-confident, darker the more
// samples the bin holds; a bin of few samples gets no bar but its interval; the
// counts hang below, with lines for the overall accuracy and mean confidence.
func drawReliability(c canvas, x, y float64, r calib.Reliability, axis bool) {
	frame(c, x, y, axis)
	most := 0
	for _, b := range r.Bins {
		most = max(most, b.Count)
	}
	for _, b := range r.Bins {
		if b.Count == 0 {
			continue
		}
		drawBin(c, x, y, b, most, r.Samples)
	}
	c.line(x, y+diagramSide, x+diagramSide, y, inkMuted, 1, true)
	c.text(x+1, y-6, 11.5, fmt.Sprintf("accuracy %.1f", 100*r.Accuracy), inkMuted, start)
	c.text(x+diagramSide-1, y-6, 13, fmt.Sprintf("ECE %.1f", 100*r.ECE), inkText, end+bold)
	drawSummary(c, x, y+diagramSide+histogramGap, r)
}

// frame draws grid, box and the axis labels.
func frame(c canvas, x, y float64, axis bool) {
	for i := 1; i < 5; i++ {
		at := diagramSide * float64(i) / 5
		c.line(x+at, y, x+at, y+diagramSide, inkGrid, 1, false)
		c.line(x, y+at, x+diagramSide, y+at, inkGrid, 1, false)
	}
	box(c, x, y, diagramSide, diagramSide)
	for i := 0; i <= 5; i++ {
		v := fmt.Sprintf("%g", float64(i)/5)
		c.text(x+diagramSide*float64(i)/5, y+diagramSide+13, 9.5, v, inkMuted, middle)
		if axis {
			c.text(x-5, y+diagramSide*(1-float64(i)/5)+3.5, 9.5, v, inkMuted, end)
		}
	}
}

func box(c canvas, x, y, w, h float64) {
	c.line(x, y, x+w, y, inkFrame, 1, false)
	c.line(x, y+h, x+w, y+h, inkFrame, 1, false)
	c.line(x, y, x, y+h, inkFrame, 1, false)
	c.line(x+w, y, x+w, y+h, inkFrame, 1, false)
}

// drawBin draws the bar of one bin and its share of the histogram.
func drawBin(c canvas, x, y float64, b calib.Bin, most, samples int) {
	left, width := x+diagramSide*b.Lower+1, diagramSide*(b.Upper-b.Lower)-2
	base := y + diagramSide
	lowAccuracy, highAccuracy := wilson(b.Accuracy, b.Count)
	note := fmt.Sprintf("confidence %.2f to %.2f: %d of %d samples, accuracy %.1f %% (95 %% interval %.1f to %.1f), "+
		"mean confidence %.1f %%",
		b.Lower, b.Upper, b.Count, samples, 100*b.Accuracy, 100*lowAccuracy, 100*highAccuracy, 100*b.Confidence)
	whisker := func() {
		mid, end := left+width/2, min(width/4, 3)
		for _, v := range []float64{lowAccuracy, highAccuracy} {
			c.line(mid-end, base-diagramSide*v, mid+end, base-diagramSide*v, inkMuted, 1, false)
		}
		c.line(mid, base-diagramSide*lowAccuracy, mid, base-diagramSide*highAccuracy, inkMuted, 1, false)
	}
	if b.Count < nearEmpty {
		// So few samples make no bar: a hollow tick with its interval, and the
		// count in figures where the histogram has no height to show.
		c.group(note+": near-empty", func() {
			at := base - diagramSide*b.Accuracy
			whisker()
			c.line(left, at, left+width, at, inkMuted, 1, true)
			c.text(left+width/2, base+histogramGap+9, 8.5, fmt.Sprint(b.Count), inkMuted, middle)
		})
		return
	}
	c.group(note, func() {
		c.rect(left, base-diagramSide*b.Accuracy, width, diagramSide*b.Accuracy, inkBar, 1)
		low, high := min(b.Accuracy, b.Confidence), max(b.Accuracy, b.Confidence)
		// The square root keeps thin bins visible beside crowded ones.
		shade := 0.2 + 0.75*math.Sqrt(float64(b.Count)/float64(most))
		colour := inkOver
		if b.Gap() < 0 {
			colour = inkUnder
		}
		c.rect(left, base-diagramSide*high, width, diagramSide*(high-low), colour, shade)
		at := base - diagramSide*b.Accuracy
		c.line(left, at, left+width, at, inkText, 1.6, false)
		whisker()
		top := base + histogramGap
		c.rect(left, top, width, histogramH*float64(b.Count)/float64(most), inkCount, 1)
	})
}

// drawSummary marks overall accuracy and mean confidence on the histogram.
func drawSummary(c canvas, x, y float64, r calib.Reliability) {
	c.line(x, y, x+diagramSide, y, inkFrame, 1, false)
	note := fmt.Sprintf("%d samples: accuracy %.1f %%, mean confidence %.1f %%", r.Samples, 100*r.Accuracy,
		100*r.Confidence)
	c.group(note, func() {
		atAccuracy, atConfidence := x+diagramSide*r.Accuracy, x+diagramSide*r.Confidence
		low, high := min(atAccuracy, atConfidence), max(atAccuracy, atConfidence)
		colour := inkOver
		if r.Confidence < r.Accuracy {
			colour = inkUnder
		}
		c.rect(low, y, high-low, histogramH, colour, 0.16)
		c.line(atAccuracy, y, atAccuracy, y+histogramH, inkText, 1.6, false)
		c.line(atConfidence, y, atConfidence, y+histogramH, inkText, 1.4, true)
	})
}

// drawKey explains the marks of the diagrams, in two lines from (x, y).
func drawKey(c canvas, x, y float64) {
	left := x
	box := func(fill ink, opacity float64, label string, width float64) {
		c.rect(x, y-9, 12, 10, fill, opacity)
		c.text(x+17, y, 11, label, inkMuted, start)
		x += width
	}
	box(inkBar, 1, "accuracy", 80)
	box(inkOver, 0.8, "gap: over-confident", 138)
	box(inkUnder, 0.8, "gap: under-confident", 142)
	box(inkCount, 1, "samples", 76)
	c.line(x+6, y-10, x+6, y+2, inkText, 1.6, false)
	c.text(x+14, y, 11, "accuracy", inkMuted, start)
	c.line(x+76, y-10, x+76, y+2, inkText, 1.4, true)
	c.text(x+84, y, 11, "mean confidence, overall", inkMuted, start)
	y += keyLine
	x = left
	c.line(x+6, y-10, x+6, y+1, inkMuted, 1, false)
	c.line(x+3, y-10, x+9, y-10, inkMuted, 1, false)
	c.line(x+3, y+1, x+9, y+1, inkMuted, 1, false)
	c.text(x+17, y, 11, "95 % interval", inkMuted, start)
	x += 108
	c.line(x, y-4, x+12, y-4, inkMuted, 1, true)
	c.text(x+17, y, 11, fmt.Sprintf("fewer than %d samples: no bar, the count in figures", nearEmpty), inkMuted, start)
}
