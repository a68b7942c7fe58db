package partial

// ParseDate reads an HTTP-date in any of its three forms (RFC 9110 §5.6.7) and
// returns seconds since the epoch. A weekday that does not belong to the date
// is passed over; anything else that is wrong makes it no date.
func ParseDate(v []byte) (int64, bool) {
	switch {
	case len(v) == 29 && v[3] == ',':
		return imfDate(v)
	case len(v) == 24 && v[3] == ' ':
		return asctime(v)
	case len(v) >= 30 && len(v) <= 33:
		return rfc850Date(v)
	}
	return 0, false
}

// imfDate reads "Sun, 06 Nov 1994 08:49:37 GMT".
func imfDate(v []byte) (int64, bool) {
	if !weekday(v[:3], 3) || v[4] != ' ' || v[7] != ' ' || v[11] != ' ' || v[16] != ' ' || string(v[25:]) != " GMT" {
		return 0, false
	}
	return civil(number(v[12:16]), month(v[8:11]), number(v[5:7]), v[17:25])
}

// rfc850Date reads "Sunday, 06-Nov-94 08:49:37 GMT". Its years are taken to be
// those of 1970 to 2069.
func rfc850Date(v []byte) (int64, bool) {
	comma := len(v) - 24
	day := v[:comma]
	v = v[comma:]
	if !weekday(day, len(day)) || v[0] != ',' || v[1] != ' ' || v[4] != '-' || v[8] != '-' || v[11] != ' ' || string(v[20:]) != " GMT" {
		return 0, false
	}
	year := number(v[9:11])
	switch {
	case year < 0:
		return 0, false
	case year < 70:
		year += 100
	}
	return civil(1900+year, month(v[5:8]), number(v[2:4]), v[12:20])
}

// asctime reads "Sun Nov  6 08:49:37 1994".
func asctime(v []byte) (int64, bool) {
	if !weekday(v[:3], 3) || v[7] != ' ' || v[10] != ' ' || v[19] != ' ' {
		return 0, false
	}
	day := v[8:10]
	if day[0] == ' ' {
		day = day[1:]
	}
	return civil(number(v[20:]), month(v[4:7]), number(day), v[11:19])
}

const (
	weekdays = "Sunday Monday Tuesday WednesdayThursday Friday Saturday "
	months   = "JanFebMarAprMayJunJulAugSepOctNovDec"
)

// weekday reports whether b is the first n bytes of a weekday, all of it when n
// is more than three.
func weekday(b []byte, n int) bool {
	for at := 0; at < len(weekdays); at += 9 {
		if string(b) == weekdays[at:at+n] && (n == 3 || n == 9 || weekdays[at+n] == ' ') {
			return true
		}
	}
	return false
}

func month(b []byte) int {
	for at := 0; at < len(months); at += 3 {
		if string(b) == months[at:at+3] {
			return at/3 + 1
		}
	}
	return -1
}

// number reads decimal digits and nothing else, or gives -1.
func number(b []byte) int {
	n := 0
	for _, c := range b {
		if c < '0' || c > '9' {
			return -1
		}
		n = n*10 + int(c-'0')
	}
	return n
}

// civil computes the time of a date and "08:49:37"; a leap second is allowed.
func civil(year, month, day int, clock []byte) (int64, bool) {
	h, m, s := number(clock[:2]), number(clock[3:5]), number(clock[6:])
	if year < 0 || month < 1 || day < 1 || day > daysIn(year, month) || clock[2] != ':' || clock[5] != ':' ||
		h < 0 || h > 23 || m < 0 || m > 59 || s < 0 || s > 60 {
		return 0, false
	}
	return days(year, month, day)*86400 + int64(h*3600+m*60+s), true
}

func daysIn(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// days counts from 1 January 1970. Years begin in March here, so that the leap
// day is their last.
func days(year, month, day int) int64 {
	y, m := int64(year), int64(month)
	if m < 3 {
		y, m = y-1, m+12
	}
	era := y / 400
	if y < 0 {
		era = -1
	}
	ofEra := y - era*400
	ofYear := (153*(m-3)+2)/5 + int64(day) - 1
	return era*146097 + ofEra*365 + ofEra/4 - ofEra/100 + ofYear - 719468
}
