// Package serve answers questions about pictures over HTTP: pictures that
// arrive within a few milliseconds of one another are predicted as one batch,
// a bounded queue turns away what cannot be answered soon, and what was
// accepted is answered, also while the server shuts down.
//
// It knows nothing of models: a [Predictor] does the work.
package serve
