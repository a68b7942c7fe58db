// Package show prints what verbs answer, as people read it: plans, the status,
// explanations, what the cache holds. It asks nobody and decides nothing: values
// come in, text goes out, and nothing is kept. What a machine reads is JSON, which
// the verbs write themselves.
package show
