package tenant

func documentCalls() []Call {
	return []Call{
		{650, "JSON_VALID", "a0, a1 text", "a0 = 1 or 0", "", "200 + 3·length", "Whether a text is one JSON value of at most 512 levels.", sysJSONValid},
		{651, "JSON_GET", "a0, a1 text; a2, a3 path; a4, a5 destination, size", "a0 = length", "FP_E_NONE; FP_E_INVALID: malformed text or path", "500 + 4·length", "The value at a path: a string decoded, everything else as it stands in the text.", sysJSONGet},
		{652, "JSON_TYPE", "a0, a1 text; a2, a3 path", "a0 = 0 null, 1 false, 2 true, 3 number, 4 string, 5 array, 6 object", "as JSON_GET", "500 + 4·length", "What is at a path.", sysJSONType},
		{653, "JSON_COUNT", "a0, a1 text; a2, a3 path", "a0 = count", "as JSON_GET; FP_E_NONE also for what is no array and no object", "500 + 5·length", "How many members the array or object at a path has.", sysJSONCount},
		{654, "JSON_QUOTE", "a0, a1 text; a2, a3 destination, size", "a0 = length", "", "200 + 4·length", "The text as a JSON string, with its quotes; what is not UTF-8 becomes U+FFFD.", sysJSONQuote},
		{655, "JSON_SET", "a0 record {text, length, path, length, value, length, destination, size}", "a0 = length", "FP_E_INVALID: malformed text, path or value; FP_E_NONE: the path leads through something else", "1000 + 10·length", "The text with a JSON value set at a path. A name that is not there is added, and so is the place behind an array's last; an empty value removes.", sysJSONSet},
		{660, "XML_VALID", "a0, a1 text", "a0 = 1 or 0", "", "1000 + 60·length", "Whether a text is one well-formed XML document.", sysXMLValid},
		{661, "XML_GET", "a0, a1 text; a2, a3 path; a4, a5 destination, size", "a0 = length", "FP_E_NONE; FP_E_INVALID: malformed text or path", "1000 + 60·length", "The text in the element, or of the attribute, at a path.", sysXMLGet},
		{662, "XML_COUNT", "a0, a1 text; a2, a3 path", "a0 = count", "FP_E_INVALID: malformed text or path", "1000 + 60·length", "How many elements match a path whose last place is left out.", sysXMLCount},
		{663, "XML_ESCAPE", "a0, a1 text; a2, a3 destination, size", "a0 = length", "", "200 + 4·length", "The text as it may stand in an element or an attribute.", sysXMLEscape},
	}
}
