package weights

import "fmt"

// DType is the element type of a stored tensor.
type DType uint8

// The element types that can be read. F32, F16 and BF16 can also be written.
const (
	F32 DType = iota + 1
	F16
	BF16
	F64
	I8
	I16
	I32
	I64
	U8
	U16
	U32
	U64
	Bool
)

// dtypeFacts is the one table of element types: their width in bytes, the name
// printed, the name in a safetensors header, the name of the torch dtype and
// the class of its pickled storage (absent for the types torch stores
// untyped).
var dtypeFacts = [...]struct {
	size                       int
	name, safe, torch, storage string
}{
	F32:  {4, "float32", "F32", "float32", "FloatStorage"},
	F16:  {2, "float16", "F16", "float16", "HalfStorage"},
	BF16: {2, "bfloat16", "BF16", "bfloat16", "BFloat16Storage"},
	F64:  {8, "float64", "F64", "float64", "DoubleStorage"},
	I8:   {1, "int8", "I8", "int8", "CharStorage"},
	I16:  {2, "int16", "I16", "int16", "ShortStorage"},
	I32:  {4, "int32", "I32", "int32", "IntStorage"},
	I64:  {8, "int64", "I64", "int64", "LongStorage"},
	U8:   {1, "uint8", "U8", "uint8", "ByteStorage"},
	U16:  {2, "uint16", "U16", "uint16", ""},
	U32:  {4, "uint32", "U32", "uint32", ""},
	U64:  {8, "uint64", "U64", "uint64", ""},
	Bool: {1, "bool", "BOOL", "bool", "BoolStorage"},
}

// Size is the width of one element in bytes.
func (d DType) Size() int {
	if !d.valid() {
		return 0
	}
	return dtypeFacts[d].size
}

// String is the type's usual name, such as "float16".
func (d DType) String() string {
	if !d.valid() {
		return fmt.Sprintf("DType(%d)", uint8(d))
	}
	return dtypeFacts[d].name
}

// Float reports whether d is one of the floating-point types.
func (d DType) Float() bool { return d >= F32 && d <= F64 }

func (d DType) valid() bool { return d >= F32 && d <= Bool }

// ParseDType accepts the names String prints and the short forms fp16, f16,
// bf16, fp32 and f32.
func ParseDType(name string) (DType, error) {
	switch name {
	case "fp16", "f16", "half":
		return F16, nil
	case "bf16":
		return BF16, nil
	case "fp32", "f32", "float":
		return F32, nil
	}
	for d := F32; d <= Bool; d++ {
		if dtypeFacts[d].name == name {
			return d, nil
		}
	}
	return 0, fmt.Errorf("unknown element type %q (use fp32, fp16 or bf16)", name)
}

func dtypeBySafetensors(name string) (DType, bool) {
	for d := F32; d <= Bool; d++ {
		if dtypeFacts[d].safe == name {
			return d, true
		}
	}
	return 0, false
}

func dtypeByStorage(class string) (DType, bool) {
	for d := F32; d <= Bool; d++ {
		if s := dtypeFacts[d].storage; s != "" && s == class {
			return d, true
		}
	}
	return 0, false
}

// dtypeByTorch looks up a torch.dtype; torch pickles some under older aliases.
func dtypeByTorch(name string) (DType, bool) {
	switch name {
	case "half":
		name = "float16"
	case "float":
		name = "float32"
	case "double":
		name = "float64"
	case "long":
		name = "int64"
	case "int":
		name = "int32"
	}
	for d := F32; d <= Bool; d++ {
		if dtypeFacts[d].torch == name {
			return d, true
		}
	}
	return 0, false
}
