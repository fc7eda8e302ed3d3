package weights

import (
	"fmt"

	"github.com/nlpodyssey/gopickle/types"
)

// rebuildFuncs are torch's own functions for putting a tensor back together,
// under the names torch.save has used since 0.2.
var rebuildFuncs map[string]function

func init() {
	rebuildFuncs = map[string]function{
		"_rebuild_tensor":               rebuildTensor,
		"_rebuild_tensor_v2":            rebuildTensor,
		"_rebuild_tensor_v3":            rebuildTensorV3,
		"_rebuild_parameter":            rebuildParameter,
		"_rebuild_parameter_with_state": rebuildParameter,
		"_rebuild_from_type_v2":         rebuildFromType,
	}
}

// strided is a tensor as the pickle describes it: a window on a storage.
type strided struct {
	storage        *storage
	offset         int64
	shape, strides []int64
}

// rebuildTensor takes (storage, offset, size, stride, requires_grad, hooks,
// metadata). Of the last three the metadata alone changes the numbers.
func rebuildTensor(args []any) (any, error) {
	if len(args) < 4 {
		return nil, fmt.Errorf("_rebuild_tensor: %d arguments, want at least 4", len(args))
	}
	s, ok := args[0].(*storage)
	if !ok {
		return nil, fmt.Errorf("_rebuild_tensor: want a storage, got %T", args[0])
	}
	offset, err := asInt(args[1])
	if err != nil {
		return nil, fmt.Errorf("_rebuild_tensor: offset: %w", err)
	}
	shape, err := asInts(args[2])
	if err != nil {
		return nil, fmt.Errorf("_rebuild_tensor: size: %w", err)
	}
	strides, err := asInts(args[3])
	if err != nil {
		return nil, fmt.Errorf("_rebuild_tensor: stride: %w", err)
	}
	if len(args) > 6 {
		if err := plainBits(args[6]); err != nil {
			return nil, err
		}
	}
	t := &strided{storage: s, offset: offset, shape: shape, strides: strides}
	if err := t.check(); err != nil {
		return nil, fmt.Errorf("_rebuild_tensor: storage %.40q: %w", s.key, err)
	}
	return t, nil
}

// rebuildTensorV3 is v2 on an untyped storage, the element type given as the
// seventh argument.
func rebuildTensorV3(args []any) (any, error) {
	if len(args) < 7 {
		return nil, fmt.Errorf("_rebuild_tensor_v3: %d arguments, want at least 7", len(args))
	}
	raw, ok := args[0].(*storage)
	if !ok {
		return nil, fmt.Errorf("_rebuild_tensor_v3: want a storage, got %T", args[0])
	}
	dtype, ok := args[6].(DType)
	if !ok {
		return nil, fmt.Errorf("_rebuild_tensor_v3: want a dtype, got %T", args[6])
	}
	if len(args) > 7 {
		if err := plainBits(args[7]); err != nil {
			return nil, err
		}
	}
	return rebuildTensor(append([]any{raw.retyped(dtype)}, args[1:4]...))
}

// plainBits refuses what a tensor's metadata says of its storage where the
// tensor is not the storage's numbers: torch keeps a lazy negation or
// conjugation as a bit ("neg", "conj").
func plainBits(metadata any) error {
	bits, ok := metadata.(*types.Dict)
	if !ok {
		if metadata == nil {
			return nil
		}
		return fmt.Errorf("_rebuild_tensor: metadata of type %T", metadata)
	}
	for _, e := range *bits {
		if set, ok := e.Value.(bool); ok && !set {
			continue
		}
		return fmt.Errorf("a tensor whose storage is to be changed in reading (%.40q): save tensor.resolve_neg() or "+
			"tensor.clone() instead", fmt.Sprint(e.Key))
	}
	return nil
}

// rebuildParameter takes (tensor, requires_grad, hooks[, state]).
func rebuildParameter(args []any) (any, error) {
	if len(args) == 0 {
		return nil, fmt.Errorf("_rebuild_parameter: no arguments")
	}
	t, ok := args[0].(*strided)
	if !ok {
		return nil, fmt.Errorf("_rebuild_parameter: want a tensor, got %T", args[0])
	}
	return t, nil
}

// rebuildFromType takes (function, type, arguments, state): a tensor that
// carries Python attributes.
func rebuildFromType(args []any) (any, error) {
	if len(args) < 3 {
		return nil, fmt.Errorf("_rebuild_from_type_v2: %d arguments, want at least 3", len(args))
	}
	f, ok := args[0].(function)
	if !ok {
		return nil, fmt.Errorf("_rebuild_from_type_v2: want a function, got %T", args[0])
	}
	inner, err := asItems(args[2])
	if err != nil {
		return nil, fmt.Errorf("_rebuild_from_type_v2: arguments: %w", err)
	}
	return f(inner)
}
