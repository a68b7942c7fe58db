// Package schema is the table of the configuration language: every block and
// attribute with its type, default, range and prose, and the balancing language.
// It reads values of those types, and writes the reference page. What it returns
// is made anew at each call and belongs to the caller. It knows neither the
// parser nor the model.
package schema
