package see

import "fishplate/internal/doctor/fact"

// As reads a file with a parser, and returns what was understood with the
// evidence. An error is an *Error: a text that the parser refuses is Broken.
func As[T any](s *System, name string, parse func([]byte) (T, error)) (T, fact.Evidence, error) {
	data, err := s.Read(name)
	if err != nil {
		var none T
		return none, fact.Evidence{Source: name}, err
	}
	v, err := parse(data)
	if err != nil {
		return v, fact.Read(name, string(data), nil), &Error{What: name, Class: Broken, Err: err}
	}
	return v, fact.Read(name, string(data), v), nil
}

// Says returns the text of a file with the evidence.
func (s *System) Says(name string) (string, fact.Evidence, error) {
	text, err := s.Text(name)
	if err != nil {
		return "", fact.Evidence{Source: name}, err
	}
	return text, fact.Read(name, text, text), nil
}
