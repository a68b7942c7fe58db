package tenant

import (
	"bytes"
	"fishplate/internal/tenant/lines"
	"fmt"
)

func controlCalls() []Call {
	return []Call{
		{500, "FAIL", "a0, a1 message", "", "ends the call", "", "The program gives up, with a message for the log.", sysFail},
		{501, "ASSERT_FAIL", "a0 expression, a1 file, a2 line, a3 function (NUL-terminated)", "", "ends the call", "", "An assertion of the program does not hold.", sysAssertFail},
		{502, "PRINT", "a0, a1 text", "a0 = length", "", "200 + length", "Writes to the tenant's log.", sysPrint},
		{503, "LOG", "a0, a1 text", "a0 = length", "", "length", "Writes to the tenant's log.", sysPrint},
		{504, "BREAKPOINT", "", "", "", "", "Logs where the program is.", sysBreakpoint},
		{505, "SIGNAL", "a0 ignored, a1 handler", "", "", "", "Names a function that is called with 11 after a fault, for 60,000 instructions; 0 removes it.", sysSignal},
		{506, "IS_STORAGE", "", "a0 = 1 or 0", "", "", "Whether this is the storage machine.", sysIsStorage},
		{509, "REGISTER_CB", "a0 index, a1 function", "a0 = 0", "index above 11 ends the call", "", "Registers a callback; index -1 sets the exit address.", sysRegisterCallback},
		{510, "SET_DECISION", "in main: a0 on_recv or 0, a1 exit address or 0; else a0, a1 word, a2 status, a3 paused", "", "", "", "In main: the program is ready for requests. In on_recv: decides (\"hash\", \"lookup\", \"pass\", \"pipe\", \"synth\", \"purge\", \"fail\"); in on_hit: \"miss\" (the object is fetched anew and replaced), \"pass\", \"synth\", \"fail\"; in on_miss: \"pass\", \"synth\", \"fail\"; in on_backend_fetch: \"fail\". Stops. With a3 the call goes on behind the ecall, with a budget of its own: after the look-up, before on_hit or on_miss (\"\", \"hash\", \"lookup\", \"pass\"), or when RESP is there, before on_synth (\"synth\").", sysDecision},
		{511, "SET_BACKEND", "a0 index", "a0 = 0", "-1 when the tenant may not use it; above 15 ends the call", "", "Chooses one of the backends in the tenant's block, by place: in on_recv, on_hit, on_miss and on_backend_fetch.", sysBackend},
		{512, "BACKEND_DECISION", "a0 1 = cached, a1 function, a2 argument, a3 length", "", "", "", "The program makes the response; 1 says that it may become an object of the cache, and then it is only asked when there is none: function(argument, body, length) is called in a fork of its own and leaves status, type, length, body, length in a0–a4. Stops.", sysForge},
		{514, "HASH_DATA", "a0, a1 bytes", "", "in main ends the call", "4·length", "Adds to the SHA-256 digest that becomes the cache key in place of the URL: in on_recv, on_hash.", sysHashData},
		{516, "SYNTH", "a0 status, a1, a2 media type, a3, a4 body", "", "status outside 200–599 ends the call", "", "Makes the response, in on_recv, on_hit, on_miss, on_synth and on_backend_error. Stops.", sysSynth},
		{517, "CACHEABLE", "a0 set?, a1 value", "a0 = 1 when the answer may be cached, else 0", "", "", "With a1 = 0 the answer is not cached; it cannot be made cacheable again. Without effect in main, on_hit, on_synth, on_deliver and named functions.", sysCacheable},
		{518, "TTL", "a0 set?, fa0 seconds (single)", "fa0 = seconds, 0 when not set", "", "", "How long the answer is fresh; of one that may not be cached, how long that is known beforehand. Where CACHEABLE has an effect.", sysTTL},
		{539, "REGISTER_FUNC", "a0, a1 name (at most 256 bytes), a2 function", "", "a longer name ends the call", "", "Registers function(value, length) by a name, for guest(\"name\", value) in expressions of routes; it leaves a NUL-terminated text in a0, or 0.", sysRegisterFunc},
	}
}

func sysFail(v *vm, _ *pacer) error {
	b, err := v.buffer(v.arg(0), v.arg(1))
	if err != nil {
		return err
	}
	return trapf("the program gave up: %q", clip(b))
}

// clip bounds what of a guest's text goes into an error.
func clip(b []byte) []byte { return b[:min(len(b), 200)] }

func sysAssertFail(v *vm, _ *pacer) error {
	var part [3]string
	for i, reg := range [3]int{0, 1, 3} {
		s, err := v.cstring(v.arg(reg))
		if err != nil {
			return err
		}
		part[i] = string(clip([]byte(s)))
	}
	return trapf("assertion %q does not hold (%s:%d, %s)", part[0], part[1], int32(v.arg(2)), part[2])
}

func sysPrint(v *vm, _ *pacer) error {
	b, err := v.buffer(v.arg(0), uint64(uint32(v.arg(1))))
	if err != nil {
		return err
	}
	v.m.Charge(lineCost + uint64(len(b)))
	v.print(b)
	v.result(uint64(len(b)))
	return nil
}

func sysBreakpoint(v *vm, _ *pacer) error {
	v.logf("breakpoint at %s", v.where(v.m.PC))
	return nil
}

func sysSignal(v *vm, _ *pacer) error {
	v.signal = v.arg(1)
	return nil
}

func sysIsStorage(v *vm, _ *pacer) error {
	is := uint64(0)
	if v.isStorage() {
		is = 1
	}
	v.result(is)
	return nil
}

// executable reports whether code lies at addr. Guests leave garbage where
// they mean "no address", so what is no code is taken for none.
func (v *vm) executable(addr uint64) bool {
	_, n := v.image.program.Instruction(addr)
	return n > 0
}

func sysRegisterCallback(v *vm, _ *pacer) error {
	i, fn := uint32(v.arg(0)), v.arg(1)
	switch {
	case i == lines.Invalid:
		if v.executable(fn) {
			v.exit = fn
		}
	case i >= cbCount:
		return trapf("register callback %d: there are %d", i, cbCount)
	default:
		v.callbacks[i] = fn
	}
	v.result(0)
	return nil
}

func sysDecision(v *vm, _ *pacer) error {
	if v.stage == stageStart {
		if fn := v.arg(0); fn != 0 {
			v.callbacks[cbOnRecv] = fn
		}
		if fn := v.arg(1); v.executable(fn) {
			v.exit = fn
		}
		v.waiting = true
		return errStop
	}
	word, err := v.buffer(v.arg(0), uint64(uint32(v.arg(1))))
	if err != nil {
		return err
	}
	if !v.decides() {
		return errStop // it is decided
	}
	v.decision.word = intern(word)
	v.decision.values[0] = v.arg(2)
	if v.arg(3) != 0 && !v.loops { // what asks in a loop has one place to go on from
		v.pause()
	}
	return errStop
}

// intern spares the words that guests use an allocation.
func intern(word []byte) string {
	switch string(word) {
	case "pass":
		return "pass"
	case "synth":
		return "synth"
	case "hash":
		return "hash"
	case "lookup":
		return "lookup"
	}
	return string(clip(word))
}

func sysBackend(v *vm, _ *pacer) error {
	i := int32(v.arg(0))
	switch {
	case i > 15:
		return trapf("set backend %d: there are at most 16", i)
	case !v.decides() || i < 0 || int(i) >= len(v.image.tenant.Backends):
		v.result32(lines.Invalid)
	default:
		v.decision.backend, v.decision.server = int(i), ""
		v.result(0)
	}
	return nil
}

func sysForge(v *vm, _ *pacer) error {
	if v.stage != stageRecv && v.stage != stageMiss {
		return errStop // in a forge the registers are the response
	}
	v.decision.word = "backend"
	if v.arg(1) == 0 {
		v.decision.word = "compute"
	}
	v.decision.values = [3]uint64{uint64(uint32(v.arg(0))), v.arg(1), v.arg(2)}
	return errStop
}

func sysSynth(v *vm, _ *pacer) error {
	switch v.stage {
	case stageRecv, stageSynth, stageHit, stageMiss, stageError:
	default:
		return trapf("synth can only be used in on_recv, on_hit, on_miss, on_synth and on_backend_error")
	}
	if err := v.takeAnswer(uint64(uint16(v.arg(0))), v.arg(1), v.arg(2), v.arg(3), v.arg(4)); err != nil {
		return err
	}
	if v.decides() {
		v.decision.word = "synth"
		v.decision.values[0] = uint64(v.answer.status)
	}
	return errStop
}

func sysRegisterFunc(v *vm, _ *pacer) error {
	n := uint64(uint32(v.arg(1)))
	if n > 256 {
		return trapf("register function: name of %d bytes exceeds 256", n)
	}
	name, err := v.buffer(v.arg(0), n)
	if err != nil {
		return err
	}
	if v.stage == stageStart && len(v.functions) < 256 {
		v.functions[string(name)] = v.arg(2)
	}
	return nil
}

// sysBacktrace serves call 599 and EBREAK: it logs where the program is and how
// it came there.
func sysBacktrace(v *vm, _ *pacer) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "at %s, called from %s", v.where(v.m.PC), v.where(v.m.X[1]))
	v.print(b.Bytes())
	v.m.Charge(200_000)
	v.result(0)
	return nil
}
