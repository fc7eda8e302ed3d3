// Package calib measures how honest a classifier's confidence is and repairs
// it from logits alone. It knows nothing of models, graphs or devices: the
// input is a matrix of logits, [samples x classes], from any model written in
// any language, and the arithmetic is float64 throughout.
//
// Measuring: [Evaluate] returns every metric at once; [Predict] gives access
// to single ones and to the data of a reliability diagram.
//
// Repairing: [SaLS] rescales each sample's logits to the range its zero-shot
// logits have ("Robust Calibration of Large Vision-Language Adapters", ECCV
// 2024); [FitTemperature] fits one temperature on labelled data. [ZSNormLoss]
// and [Penalty] are the training-time remedies of that paper, and
// [LabelSmoothing], [ECP], [Focal], [MbLS], [LogitNorm] and [BrierLoss] the
// losses they are compared with, each as a value and an exact gradient.
//
// [FitCalibrator] fits vector, matrix, Platt, isotonic and histogram scaling too,
// and [SaveCalibrator] keeps what was fitted.
//
// Guarantees: [FitConformal] turns logits into sets of classes that hold the
// label with a wanted probability (LAC, APS, RAPS); [ConfOT], [SSText] and
// [FullConformal] make the sets smaller.
//
// Judging: [Predictions.Bootstrap], [PairedBootstrap], [Wilson],
// [DetectableDifference] and [BenjaminiHochberg] say which differences are more
// than chance.
//
// Logits too large for memory are read in pieces through [Rows].
//
// Every function rejects an empty set, NaN and infinite logits and labels out
// of range with an error that names the place. Metrics are fractions (0.05 is
// five per cent) and nats.
package calib
