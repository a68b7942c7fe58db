package tenant

func timeCalls() []Call {
	return []Call{
		{550, "NOW", "a0 destination of {seconds, nanoseconds}", "a0 = 0", "", "100", "Wall clock, in steps of 16 µs; the words are signed.", sysNow},
		{551, "MONOTONIC", "a0 destination of {nanoseconds}", "a0 = 0", "", "100", "Time since the program's image was made, in steps of 16 µs.", sysMonotonic},
		{552, "RANDOM", "a0, a1 destination, length", "a0 = length", "FP_E_LIMIT: above 4096", "200 + 20·length", "Random bytes that are good for keys.", sysRandom},
	}
}

func logCalls() []Call {
	return []Call{
		{553, "LOG_FIELD", "a0, a1 name; a2, a3 value", "a0 = 0", "FP_E_STAGE: no request; FP_E_INVALID: a name that is no token of at most 64 bytes; FP_E_LIMIT: a value above 256 bytes, a 17th field", "300 and length", "A field of the request's line in the access log; the same name again replaces it.", sysLogField},
		{554, "COUNTER_ADD", "a0, a1 name; a2 amount, 32 bits, not negative", "a0 = 0", "FP_E_INVALID: a name that is no token of at most 64 bytes, or a negative amount; FP_E_LIMIT: a 65th name", "200", "Adds to a counter of the tenant: metric fishplate_tenant_custom_total.", sysCounterAdd},
		{555, "SPAN_BEGIN", "a0, a1 name", "a0 = span", "FP_E_STAGE, FP_E_INVALID; FP_E_LIMIT: a 17th", "300", "Begins to measure a part of the request.", sysSpanBegin},
		{556, "SPAN_END", "a0 span", "a0 = 0", "FP_E_NONE: no such span, or ended; FP_E_STAGE", "200", "Ends it. What is not ended ends with the callback's line in the log, as long as it took till then.", sysSpanEnd},
		{557, "LOG_LEVEL", "a0 level, 0 debug, 1 info, 2 warning, 3 error; a1, a2 text", "a0 = length", "FP_E_INVALID: another level; FP_E_LIMIT: too many lines this second, dropped", "500 and length", "Writes to the tenant's log at a level.", sysLogLevel},
	}
}
