// Package run keeps runs on disk: a folder per training with everything that
// decided it and everything it decided, and a folder per target it was
// evaluated on.
//
//	RUN/recipe.yaml          the resolved recipe: method, remedy, options, hashes of the inputs
//	RUN/model.yaml           what is needed to use the run: checkpoint, constants, preprocessing
//	RUN/adapter.safetensors  the trained parameters and prototypes of an adapter, or
//	RUN/prompts.safetensors  learned prompts, under the names of the PyTorch releases
//	RUN/classes.json         class names and prompts, where they are known
//	RUN/shots.csv            the pictures that it learnt from, where they are known
//	RUN/drift.json           statistics of the training pictures, by which drift is told
//	RUN/log.txt              choices and the loss of every epoch
//	DIR/logits.npy           float32 [N, K], after the remedy of inference
//	DIR/zero_shot_logits.npy float32 [N, K], the reference
//	DIR/labels.npy           int64 [N]
//	DIR/metrics.json         metrics of logits.npy, and what they are of; zero_shot_metrics.json likewise
//	DIR/drift.json           statistics of a validation fold's pictures, by which drift is told better
//	DIR/rows.csv             the picture that each row is of, where pictures are known
//	DIR/left_out.csv         what was left out, and why
//	DIR/target.yaml          what was evaluated on what
//	*/manifest.json          sizes and SHA-256 of the files beside it, written last
//
// A run of test-time tuning has a folder for every target, with class names and
// choices beside the logits, and no parameters of its own.
//
// No file but model.yaml holds a time or a path of the machine beyond what the
// user gave, so that two runs of one recipe are equal byte by byte. A run or an evaluation
// that exists is not repeated. Tables and figures are made from these files.
package run
