package cuda

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"clipcalib/internal/engine"
)

var (
	_ engine.Inspected    = (*Engine)(nil)
	_ engine.ProductTimer = (*Engine)(nil)
)

// fastPath counts what FastPath reports beside what the driver knows.
type fastPath struct {
	recorded    int
	notRecorded []string
	biasPasses  []string
	mlps        []string
}

// mostReasons bounds each list of reasons: the same ones come again.
const mostReasons = 32

func note(list *[]string, text string) {
	if len(*list) < mostReasons && !slices.Contains(*list, text) {
		*list = append(*list, text)
	}
}

// noteRecording counts a program that was recorded, or why it was not.
func (e *Engine) noteRecording(err error) {
	if err == nil {
		e.fast.recorded++
		return
	}
	note(&e.fast.notRecorded, err.Error())
}

// noteBiasPass notes a product whose bias takes a pass of its own.
func (e *Engine) noteBiasPass(p Product, why string) {
	note(&e.fast.biasPasses, fmt.Sprintf("%s: %s", p.Shape(e.d.Info().Capability), why))
}

// FastPath says how the engine has computed so far.
func (e *Engine) FastPath() engine.FastPath {
	info := e.d.Info()
	f := engine.FastPath{Code: info.Code, CodeRefused: info.CodeRefused, Library: info.Library,
		Recorded:    e.fast.recorded,
		NotRecorded: slices.Clone(e.fast.notRecorded), BiasPasses: slices.Clone(e.fast.biasPasses),
		PartwiseMLPs: slices.Clone(e.fast.mlps)}
	if d, ok := e.d.(interface{ Plans() []engine.ProductPlan }); ok {
		f.Products = d.Plans()
	}
	return f
}

// TimeProducts measures every shape that was multiplied so far.
func (e *Engine) TimeProducts(ctx context.Context, budget time.Duration) ([]engine.TimedProduct, error) {
	d, ok := e.d.(interface {
		TimeProducts(ctx context.Context, budget time.Duration) ([]engine.TimedProduct, error)
	})
	if !ok {
		return nil, errors.New("this driver does not time products")
	}
	if err := e.d.Sync(); err != nil {
		return nil, err
	}
	if err := e.pool.trim(); err != nil { // the driver takes memory of its own
		return nil, err
	}
	return d.TimeProducts(ctx, budget)
}
