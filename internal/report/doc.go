// Package report turns measured runs into something to look at: one
// self-contained HTML page with reliability diagrams, logit ranges and tables;
// a grid of reliability diagrams as PNG or SVG; and plain tables for the
// terminal, Markdown and CSV. It computes nothing but means and spreads: the
// metrics come from package calib.
package report
