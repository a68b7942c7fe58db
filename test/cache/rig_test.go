package cache

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"fishplate/test/harness"
)

// patience bounds every wait for something that must happen.
const patience = 30 * time.Second

// A play is a case while it runs. Its origin gives the answers of the current
// step in their order, each to the first request for its path; a request that
// no answer is for is a finding.
type play struct {
	*history
	host  string
	now   time.Time // when the case began; what {now} counts from
	mu    sync.Mutex
	cond  *sync.Cond
	queue []*answer
	log   []string // findings

	line   line   // the client's
	source string // its address
}

// stage is an origin for all plays: the first label of Host says which.
type stage struct {
	origin *harness.Origin
	mu     sync.Mutex
	plays  map[string]*play
}

func newStage(t testing.TB) *stage {
	s := &stage{plays: map[string]*play{}}
	s.origin = harness.NewOrigin(t, s.serve)
	return s
}

// open gives a case its host below suffix.
func (s *stage) open(c *history, suffix string) *play {
	p := &play{history: c, host: fmt.Sprintf("c%d.%s", c.id, suffix), now: time.Now()}
	p.cond = sync.NewCond(&p.mu)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.plays[fmt.Sprintf("c%d", c.id)] = p
	return p
}

// serve answers on one connection of the product.
func (s *stage) serve(c net.Conn) {
	r := bufio.NewReader(c)
	for {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return
		}
		label, _, _ := strings.Cut(strings.ToLower(req.Host), ".")
		s.mu.Lock()
		p := s.plays[strings.TrimSuffix(label, "-other")]
		s.mu.Unlock()
		if p == nil {
			fmt.Fprint(c, "HTTP/1.1 500 No Such Case\r\nCache-Control: no-store\r\nContent-Length: 0\r\n\r\n")
			continue
		}
		if !p.answer(c, req, string(body)) {
			return
		}
	}
}

// answer takes the answer for req off the queue and sends it. False ends the
// connection.
func (p *play) answer(c net.Conn, req *http.Request, body string) bool {
	p.mu.Lock()
	i := slices.IndexFunc(p.queue, func(a *answer) bool { return a.path == "" || a.path == req.RequestURI })
	if i < 0 {
		p.log = append(p.log, fmt.Sprintf("the origin was asked %s %s without need: %v", req.Method, req.RequestURI, req.Header))
		p.mu.Unlock()
		_, _ = fmt.Fprint(c, "HTTP/1.1 500 Unexpected\r\nCache-Control: no-store\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		return false
	}
	a := p.queue[i]
	p.queue = slices.Delete(p.queue, i, i+1)
	if a.asked != nil {
		got := &seen{first: req.Method, target: req.RequestURI, header: req.Header, body: body}
		for _, f := range p.check(a.asked, got) {
			p.log = append(p.log, fmt.Sprintf("request for answer %d: %s", a.number, f))
		}
	}
	p.cond.Broadcast()
	p.mu.Unlock()
	if a.drop { // within the head: a connection that closes before it could be asked again
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nCont")
		return false
	}
	_, err := c.Write(p.wire(a, req.Method))
	return err == nil && a.cut < 0 && !a.close
}

// wire returns the bytes of an answer.
func (p *play) wire(a *answer, method string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "HTTP/1.1 %s Said\r\n", a.first)
	has := func(name string) bool {
		return slices.Contains(a.absent, name) || slices.ContainsFunc(a.fields, func(f string) bool {
			return strings.EqualFold(f[:strings.IndexByte(f, ':')], name)
		})
	}
	if !has("Date") {
		fmt.Fprintf(&b, "Date: %s\r\n", p.now.UTC().Format(http.TimeFormat))
	}
	for _, f := range a.fields {
		fmt.Fprintf(&b, "%s\r\n", p.expand(f))
	}
	body := p.body(a)
	bare := a.first == "304" || a.first == "204"
	switch {
	case a.chunked:
		b.WriteString("Transfer-Encoding: chunked\r\n")
		body = fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body)
	case !has("Content-Length") && !bare:
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(body))
	}
	b.WriteString("\r\n")
	if a.cut >= 0 {
		body = body[:a.cut]
	}
	if method != http.MethodHead && !bare {
		b.WriteString(body)
	}
	return b.Bytes()
}

// body is what an answer says: what is written, or something that only it says.
func (p *play) body(a *answer) string {
	if a.message.body != nil {
		return p.expand(*a.message.body)
	}
	return fmt.Sprintf("body %d of %s", a.number, p.name)
}

var length = regexp.MustCompile(`\{[0-9]+\}`)

// expand replaces {host}, {HOST}, {other}, {bytes} and {now±seconds},
// {now±seconds:rfc850}, {now±seconds:asctime}.
func (p *play) expand(text string) string {
	text = length.ReplaceAllStringFunc(text, func(s string) string {
		n, _ := strconv.Atoi(s[1 : len(s)-1])
		return strings.Repeat("0123456789", n/10+1)[:n]
	})
	text = strings.ReplaceAll(text, "{host}", p.host)
	text = strings.ReplaceAll(text, "{HOST}", strings.ToUpper(p.host))
	text = strings.ReplaceAll(text, "{other}", strings.Replace(p.host, ".", "-other.", 1))
	for {
		before, rest, ok := strings.Cut(text, "{now")
		if !ok {
			return text
		}
		inner, after, _ := strings.Cut(rest, "}")
		offset, form, _ := strings.Cut(inner, ":")
		at, _ := strconv.Atoi(offset) // "" is 0
		layout := map[string]string{"": http.TimeFormat, "rfc850": "Monday, 02-Jan-06 15:04:05 GMT", "asctime": time.ANSIC}[form]
		text = before + p.now.Add(time.Duration(at)*time.Second).UTC().Format(layout) + after
	}
}

// await waits until every answer of the step was asked for. What is left over
// is a finding.
func (p *play) await() {
	stop := time.AfterFunc(patience, func() {
		p.mu.Lock()
		for _, a := range p.queue {
			if a.spare {
				continue
			}
			p.log = append(p.log, fmt.Sprintf("the origin was not asked for answer %d", a.number))
		}
		p.queue = nil
		p.cond.Broadcast()
		p.mu.Unlock()
	})
	defer stop.Stop()
	p.mu.Lock()
	defer p.mu.Unlock()
	for slices.ContainsFunc(p.queue, func(a *answer) bool { return !a.spare }) {
		p.cond.Wait()
	}
}

// findings returns what was found so far and forgets it.
func (p *play) findings() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := p.log
	p.log = nil
	return list
}

// A seen is a message as it arrived.
type seen struct {
	first, target string
	header        http.Header
	body          string
	broken        bool
	last          bool // the connection ends behind it
}

// A subject is what the table is held against.
type subject struct {
	addr    string
	suffix  string // of the hosts that it serves
	command func(args ...string) error
	// Without status, nothing is said of Cache-Status, which the subject does
	// not send.
	status bool
}

// run plays a case and returns what was not as written.
func (s *stage) run(c *history, sub subject) (problems []string) {
	p := s.open(c, sub.suffix)
	defer p.line.close()
	for _, st := range c.steps {
		p.mu.Lock()
		p.queue = slices.Clone(st.answers)
		p.mu.Unlock()
		for _, f := range p.step(st, sub) {
			problems = append(problems, st.where+": "+f)
		}
		if len(problems) > 0 {
			return problems // what follows would only follow from it
		}
	}
	return problems
}

func (p *play) step(st *step, sub subject) []string {
	if st.command != nil {
		args := slices.Clone(st.command)
		for i := range args {
			args[i] = strings.ReplaceAll(p.expand(args[i]), "_", " ")
		}
		if err := sub.command(args...); err != nil {
			return []string{err.Error()}
		}
		return p.findings()
	}
	for end := time.Now().Add(patience); ; time.Sleep(2 * time.Millisecond) {
		got, err := p.ask(st, sub)
		if err != nil {
			return append(p.findings(), err.Error())
		}
		want := *st.want
		if !sub.status {
			want.status = nil
		}
		found := p.check(&want, got)
		if st.poll && len(found) > 0 && time.Now().Before(end) {
			continue
		}
		if len(found) == 0 || len(st.answers) > 0 {
			p.await()
		}
		return append(p.findings(), found...)
	}
}

// A line is a client's connection. It is kept for the next request as long as
// the other side keeps it, so that an answer that is longer or shorter than it
// says spoils the one behind it.
type line struct {
	c net.Conn
	r *bufio.Reader
}

func (l *line) close() {
	if l.c != nil {
		l.c.Close()
		l.c = nil
	}
}

// dial connects from the step's address, or takes the connection that is open.
func (p *play) dial(st *step, sub subject) error {
	if p.line.c != nil && st.source == p.source {
		return nil
	}
	p.line.close()
	d := net.Dialer{Timeout: patience}
	if st.source != "" {
		d.LocalAddr = &net.TCPAddr{IP: net.ParseIP(st.source)}
	}
	c, err := d.Dial("tcp", sub.addr)
	p.line, p.source = line{c, bufio.NewReader(c)}, st.source
	return err
}

// ask sends the step's request and reads the answer.
func (p *play) ask(st *step, sub subject) (*seen, error) {
	if err := p.dial(st, sub); err != nil {
		return nil, err
	}
	_ = p.line.c.SetDeadline(time.Now().Add(patience))
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\n", st.ask.first, p.expand(st.ask.target))
	if !slices.ContainsFunc(st.ask.fields, func(f string) bool { return strings.HasPrefix(f, "Host:") }) {
		fmt.Fprintf(&b, "Host: %s\r\n", p.host)
	}
	for _, f := range st.ask.fields {
		fmt.Fprintf(&b, "%s\r\n", p.expand(f))
	}
	if st.ask.body != nil {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(*st.ask.body))
	}
	b.WriteString("\r\n")
	if st.ask.body != nil {
		b.WriteString(*st.ask.body)
	}
	if _, err := p.line.c.Write(b.Bytes()); err != nil {
		p.line.close()
		return nil, err
	}
	got, err := receive(p.line.r, st.ask.first)
	if err != nil || got.broken || got.last {
		p.line.close()
	} else if n := p.line.r.Buffered(); n > 0 {
		text, _ := p.line.r.Peek(n)
		return nil, fmt.Errorf("%d bytes behind the answer: %.60q", n, text)
	}
	return got, err
}

// receive reads one response to a request of that method.
func receive(r *bufio.Reader, method string) (*seen, error) {
	resp, err := http.ReadResponse(r, &http.Request{Method: method})
	if err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	body, err := io.ReadAll(resp.Body)
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return nil, fmt.Errorf("read body after %d bytes: %w", len(body), err)
	}
	if resp.ContentLength >= 0 && resp.Header.Get("Content-Length") == "" {
		resp.Header.Set("Content-Length", strconv.FormatInt(resp.ContentLength, 10))
	}
	return &seen{first: strconv.Itoa(resp.StatusCode), header: resp.Header, body: string(body), broken: err != nil, last: resp.Close}, nil
}
