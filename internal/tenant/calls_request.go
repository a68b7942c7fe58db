package tenant

func requestCalls() []Call {
	return []Call{
		{546, "ERROR_TEXT", "a0, a1 destination, size", "a0 = length", "", "length", "Text of the last negative result of these calls; empty when there was none.", sysErrorText},
		{600, "CLIENT_ADDRESS", "a0, a1 destination, size", "a0 = length", "FP_E_STAGE, FP_E_NONE", "100", "Address of who the request is from, `192.0.2.1`, as a trusted proxy says it.", sysClientAddress},
		{601, "CLIENT_PORT", "", "a0 = port", "FP_E_STAGE, FP_E_NONE", "", "Port of the client's end of the connection.", sysClientPort},
		{602, "LOCAL_ADDRESS", "a0, a1 destination, size", "a0 = length", "FP_E_STAGE, FP_E_NONE", "100", "Address and port that the client reached, `192.0.2.1:443`.", sysLocalAddress},
		{603, "SCHEME", "a0, a1 destination, size", "a0 = length", "FP_E_STAGE", "length", "`http` or `https`.", sysScheme},
		{604, "TLS_FACT", "a0 fact, a1, a2 destination, size", "a0 = length", "FP_E_STAGE; FP_E_NONE without TLS or such a fact; FP_E_INVALID", "200", "Facts: 0 version (`1.3`), 1 cipher suite, 2 server name, 3 protocol (ALPN), 4 common name of the client's certificate, 5 JA4 fingerprint of the client.", sysTLSFact},
		{605, "REQUEST_ID", "a0, a1 destination, size", "a0 = length", "FP_E_STAGE", "100", "The request's name in logs.", sysRequestID},
		{606, "TENANT_NAME", "a0, a1 destination, size", "a0 = length", "", "length", "The tenant's name.", sysTenantName},
		{607, "QUERY_GET", "a0, a1 name; a2, a3 destination, size", "a0 = length", "FP_E_STAGE, FP_E_NONE", "200 and the query's length", "First value of a query parameter, decoded: `+` is a space.", sysQueryGet},
		{608, "QUERY_SET", "a0, a1 name; a2, a3 value", "a0 = 0", "FP_E_STAGE, FP_E_INVALID, FP_E_LIMIT", "500 and the query's length", "Makes the parameters of that name one, in the request to be forwarded.", sysQuerySet},
		{609, "QUERY_UNSET", "a0, a1 name", "a0 = how many there were", "FP_E_STAGE, FP_E_LIMIT", "500 and the query's length", "Removes the parameters of that name.", sysQueryUnset},
		{610, "COOKIE_GET", "a0, a1 name; a2, a3 destination, size", "a0 = length", "FP_E_STAGE, FP_E_NONE", "200 and the cookies' length", "Value of a cookie.", sysCookieGet},
		{611, "PATH", "a0, a1 destination, size", "a0 = length", "FP_E_STAGE", "length", "The path in its normal form, without query.", sysPath},
		{612, "PATH_SEGMENT", "a0 index, a1, a2 destination, size", "a0 = length", "FP_E_STAGE, FP_E_NONE", "the path's length", "A segment of the path, decoded; 0 is the first, -1 the last.", sysPathSegment},
		{613, "HOST", "a0, a1 destination, size", "a0 = length", "FP_E_STAGE", "length", "The host in lower case, without port.", sysHost},
		{614, "FIELD_VALUE", "a0 where; a1, a2 name; a3, a4 destination, size", "a0 = length", "FP_E_NONE; FP_E_STAGE: no such message", "200 and length", "Value of the first field of that name.", sysFieldValue},
		{615, "FIELD_REPLACE", "a0 where; a1, a2 name; a3, a4 value", "a0 = index", "FP_E_INVALID: refused; FP_E_STAGE; FP_E_LIMIT", "300 and length", "Makes the fields of that name one, at the first one's place.", sysFieldReplace},
		{616, "FIELD_REMOVE", "a0 where; a1, a2 name", "a0 = how many there were", "FP_E_DENIED: refused; FP_E_STAGE", "300", "Removes the fields of that name.", sysFieldRemove},
		{617, "HEADERS", "a0 where; a1, a2 destination, size", "a0 = length", "FP_E_STAGE", "length", "All fields as lines, each with a newline.", sysHeaders},
	}
}
