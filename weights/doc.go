// Package weights reads and writes the checkpoint files CLIP models are
// published in, and shows every one of them under the same names.
//
// [Open] takes a PyTorch zip archive (torch.save), a TorchScript archive
// (torch.jit.save, which is what OpenAI published), a legacy PyTorch file
// (before 1.6) or a safetensors file, told apart by content. It reads the
// index only; the numbers are read, and widened to float32, tensor by tensor
// when asked for. [OpenCLIP] goes one step further: it recognises whose
// parameter names the file uses, maps them to OpenAI's, infers the
// architecture from the shapes and checks that every tensor it implies is
// there.
//
// Files are not trusted. Pickles are checked opcode by opcode before they are
// interpreted, only an allow-list of names may be referred to, nothing is ever
// executed, and every size is checked against the file before memory is
// reserved for it.
package weights
